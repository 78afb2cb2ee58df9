"""Sending calls, and sending them again where the service has done nothing."""

import os
import time
from copy import copy
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx

from coldstart_client.call import Call
from coldstart_client.errors import InvalidArgumentError, NoAnswerError, retry_after_seconds
from coldstart_client.listing import AsyncListing, Listing
from coldstart_client.models.answer import Page
from coldstart_client.version import __version__

T = TypeVar("T")

KEY_VARIABLE = "COLDSTART_API_KEY"
"""The environment variable with the API key of clients that are given none."""

_REFUSALS = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0


class Sender:
    """Sends calls and returns their answers. Several threads may use it.

    Args:
        base_url: The service's address, such as `http://127.0.0.1:8000`.
        key: API key; by default that of the environment variable COLDSTART_API_KEY, if it is set.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that had no effect: the connection could not be made, or the service
            refused the request with `Retry-After`. Other failed requests are not repeated, because they may have had
            an effect.
        transport: How to send; by default over the network.

    Raises:
        InvalidArgumentError: If the address or the key cannot be one.
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
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._http = httpx.Client(base_url=_address(base_url), headers=_headers(key), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def with_options(self, *, timeout_seconds: float | None = None, retries: int | None = None) -> Self:
        """The same client with other options, for one call: `client.with_options(timeout_seconds=2).get_schema()`.

        Both share their connections, so only one of them is to be closed.
        """
        return _with_options(self, timeout_seconds, retries)

    def perform(self, call: Call[T]) -> T:
        """Send a call.

        Raises:
            ColdstartError: If it does not succeed.
        """
        tries = 0
        while (pause := _pause(outcome := self._send(call), tries)) is not None and tries < self._retries:
            tries += 1
            time.sleep(pause)
        return _read(call, outcome, self._http.base_url)

    def listing(self, first: Call[Page[T]]) -> Listing[T]:
        """The list whose first page a call gets."""
        return Listing(self.perform, first)

    def _send(self, call: Call[Any]) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(**call.request(), timeout=self._timeout_seconds)
        except httpx.TransportError as error:
            return error
        except httpx.InvalidURL as error:
            raise InvalidArgumentError(f"{call.method} {call.path}: {error}") from error


class AsyncSender:
    """Sends calls; its methods are awaited, on asyncio or trio.

    Args:
        base_url: The service's address, such as `http://127.0.0.1:8000`.
        key: API key; by default that of the environment variable COLDSTART_API_KEY, if it is set.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that had no effect: the connection could not be made, or the service
            refused the request with `Retry-After`. Other failed requests are not repeated, because they may have had
            an effect.
        transport: How to send; by default over the network.

    Raises:
        InvalidArgumentError: If the address or the key cannot be one.
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
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._http = httpx.AsyncClient(base_url=_address(base_url), headers=_headers(key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def with_options(self, *, timeout_seconds: float | None = None, retries: int | None = None) -> Self:
        """The same client with other options, for one call: `await client.with_options(retries=0).get_schema()`.

        Both share their connections, so only one of them is to be closed.
        """
        return _with_options(self, timeout_seconds, retries)

    async def perform(self, call: Call[T]) -> T:
        """Send a call.

        Raises:
            ColdstartError: If it does not succeed.
        """
        tries = 0
        while (pause := _pause(outcome := await self._send(call), tries)) is not None and tries < self._retries:
            tries += 1
            await anyio.sleep(pause)
        return _read(call, outcome, self._http.base_url)

    def listing(self, first: Call[Page[T]]) -> AsyncListing[T]:
        """The list whose first page a call gets."""
        return AsyncListing(self.perform, first)

    async def _send(self, call: Call[Any]) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.request(**call.request(), timeout=self._timeout_seconds)
        except httpx.TransportError as error:
            return error
        except httpx.InvalidURL as error:
            raise InvalidArgumentError(f"{call.method} {call.path}: {error}") from error


AnySender = TypeVar("AnySender", bound=Sender | AsyncSender)


def _with_options(sender: AnySender, timeout_seconds: float | None, retries: int | None) -> AnySender:
    changed = copy(sender)
    if timeout_seconds is not None:
        changed._timeout_seconds = timeout_seconds
    if retries is not None:
        changed._retries = retries
    return changed


def _address(base_url: str) -> httpx.URL:
    try:
        parts = urlsplit(base_url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return httpx.URL(base_url)
    except (AttributeError, TypeError, ValueError, httpx.InvalidURL):
        pass
    raise InvalidArgumentError(
        "base_url must be an address that begins with http:// or https://, such as http://127.0.0.1:8000"
    )


def _headers(key: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"coldstart-recommender-client/{__version__} python-httpx/{httpx.__version__}"}
    if given := (os.environ.get(KEY_VARIABLE, "") if key is None else key).strip():
        if not (given.isascii() and given.isprintable()):
            raise InvalidArgumentError("key has characters that no API key has")
        headers["X-API-Key"] = given
    return headers


def _pause(outcome: httpx.Response | httpx.TransportError, tries: int) -> float | None:
    """Seconds to wait before repeating a request; None if repeating may do harm, does not help, or takes too long."""
    if isinstance(outcome, httpx.TransportError):
        return _FIRST_PAUSE_SECONDS * 2**tries if isinstance(outcome, _NOT_CONNECTED) else None
    seconds = retry_after_seconds(outcome) if outcome.status_code in _REFUSALS else None
    return seconds if seconds is not None and seconds <= _LONGEST_PAUSE_SECONDS else None


def _read(call: Call[T], outcome: httpx.Response | httpx.TransportError, address: httpx.URL) -> T:
    if isinstance(outcome, httpx.TransportError):
        raise NoAnswerError(f"{address} does not answer: {type(outcome).__name__}: {outcome}") from outcome
    return call.read(outcome)
