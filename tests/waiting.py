"""Waiting for background work. A slow result is no failure; a test fails only if the result never comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

PATIENCE_SECONDS = 120
_PAUSE_SECONDS = 0.05

T = TypeVar("T")


def until(condition: Callable[[], T]) -> T:
    """Wait for a condition and return its first true value.

    Raises:
        AssertionError: If it is still false after `PATIENCE_SECONDS`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was still false after {PATIENCE_SECONDS} seconds"
        time.sleep(_PAUSE_SECONDS)
    return value


async def until_async(condition: Callable[[], Awaitable[T]]) -> T:
    """Like `until`, for an asynchronous condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"the condition was still false after {PATIENCE_SECONDS} seconds"
        await asyncio.sleep(_PAUSE_SECONDS)
    return value


async def until_job(client: httpx.AsyncClient, location: str, *statuses: str) -> dict[str, Any]:
    """Wait until a job has one of the statuses, and return the job."""

    async def job() -> dict[str, Any] | None:
        answer: dict[str, Any] = (await client.get(location)).json()
        return answer if answer["status"] in statuses else None

    found = await until_async(job)
    assert found is not None
    return found
