"""Sending calls, and sending them again where the service asks for it."""

import time
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx

from coldstart_client.call import Call
from coldstart_client.errors import NoAnswerError, retry_after_seconds
from coldstart_client.listing import AsyncListing, Listing
from coldstart_client.models import Page

T = TypeVar("T")

_REFUSALS = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
_LONGEST_PAUSE_SECONDS = 60.0


class Sender:
    """Sends calls and returns their answers. Several threads may use it.

    Args:
        base_url: The service's address.
        key: API key; None where the service allows anonymous requests.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that was refused with `Retry-After`, after that number of seconds. The
            service has done nothing then. Requests that fail in another way may have been done and are not repeated.
        transport: How to send; by default over the network.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout_seconds: float = 30.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.Client(
            base_url=base_url, headers=_headers(key), timeout=timeout_seconds, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def perform(self, call: Call[T]) -> T:
        """Send a call.

        Raises:
            ColdstartError: If it does not succeed.
        """
        retries = self._retries
        while (pause := _pause(answer := self._send(call))) is not None and retries > 0:
            retries -= 1
            time.sleep(pause)
        return call.read(answer)

    def listing(self, first: Call[Page[T]]) -> Listing[T]:
        """The list whose first page a call gets."""
        return Listing(self.perform, first)

    def _send(self, call: Call[Any]) -> httpx.Response:
        try:
            return self._http.request(**call.request())
        except httpx.TransportError as error:
            raise _no_answer(error) from error


class AsyncSender:
    """Sends calls; its methods are awaited, on asyncio or trio.

    Args:
        base_url: The service's address.
        key: API key; None where the service allows anonymous requests.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that was refused with `Retry-After`, after that number of seconds. The
            service has done nothing then. Requests that fail in another way may have been done and are not repeated.
        transport: How to send; by default over the network.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout_seconds: float = 30.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=_headers(key), timeout=timeout_seconds, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def perform(self, call: Call[T]) -> T:
        """Send a call.

        Raises:
            ColdstartError: If it does not succeed.
        """
        retries = self._retries
        while (pause := _pause(answer := await self._send(call))) is not None and retries > 0:
            retries -= 1
            await anyio.sleep(pause)
        return call.read(answer)

    def listing(self, first: Call[Page[T]]) -> AsyncListing[T]:
        """The list whose first page a call gets."""
        return AsyncListing(self.perform, first)

    async def _send(self, call: Call[Any]) -> httpx.Response:
        try:
            return await self._http.request(**call.request())
        except httpx.TransportError as error:
            raise _no_answer(error) from error


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"X-API-Key": key}


def _pause(answer: httpx.Response) -> float | None:
    """Seconds to wait before repeating a request; None if repeating does not help or takes too long."""
    seconds = retry_after_seconds(answer) if answer.status_code in _REFUSALS else None
    return seconds if seconds is not None and seconds <= _LONGEST_PAUSE_SECONDS else None


def _no_answer(error: httpx.TransportError) -> NoAnswerError:
    return NoAnswerError(f"{type(error).__name__}: {error}")
