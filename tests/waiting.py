"""Waiting for what happens in the background: that it takes long is no failure, that it never happens is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

PATIENCE_SECONDS = 120
_PAUSE_SECONDS = 0.05

T = TypeVar("T")


def until(condition: Callable[[], T]) -> T:
    """The first true value of a condition; an AssertionError if it never has one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(_PAUSE_SECONDS)
    return value


async def until_async(condition: Callable[[], Awaitable[T]]) -> T:
    """As `until`, for a condition that is awaited."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := await condition()):
        assert time.monotonic() < deadline, "it does not happen"
        await asyncio.sleep(_PAUSE_SECONDS)
    return value


async def until_job(client: httpx.AsyncClient, location: str, *statuses: str) -> dict[str, Any]:
    """A job as soon as it has one of the statuses."""

    async def job() -> dict[str, Any] | None:
        answer: dict[str, Any] = (await client.get(location)).json()
        return answer if answer["status"] in statuses else None

    found = await until_async(job)
    assert found is not None
    return found
