"""The application, running in this process or in one of its own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from app.settings import Settings

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that runs in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables."""
    given = settings.model_dump(exclude_none=True, exclude_defaults=True)
    values = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in given.items()}
    return os.environ | {f"COLDSTART_{name.upper()}": str(value) for name, value in values.items()}


@contextmanager
def server(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that is ready; yields its process and address, and kills it if it still runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "uvicorn", "--factory", "app.main:create_app_from_env", "--port", str(port)]
    with process(settings, command) as started:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not _is_ready(address):
            assert started.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not get ready"
            time.sleep(0.1)
        yield started, address


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once something holds that happens in the background; an AssertionError if it never does."""
    deadline = time.monotonic() + 60
    while not await holds():
        assert time.monotonic() < deadline, "it does not happen"
        await asyncio.sleep(0.05)


@contextmanager
def process(settings: Settings, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process with these settings, killed at the end if it still runs."""
    started = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment(settings))
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
