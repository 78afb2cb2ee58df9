"""The application, in this process or in another one."""

import asyncio
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.database import open_database
from tests.waiting import until

ROOT = Path(__file__).parents[2]

# Importing the service takes longer than most tests, so new processes are forked from one that has imported it.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["app.main", "app.jobs.worker", __name__])


def missing(service: str, error: object) -> NoReturn:
    """Skip a test whose service is not running, or fail it where the services are required."""
    reason = f"{service} is not running: {error}"
    if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that runs in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application that listens on a port, in a thread of this process."""
    listening = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=listening.run)
    thread.start()
    try:
        while not listening.started:
            assert thread.is_alive(), "the server has ended"
            time.sleep(0.01)
        host, port = listening.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        listening.should_exit = True
        thread.join()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables."""
    given = settings.model_dump(exclude_none=True, exclude_defaults=True)
    values = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in given.items()}
    return os.environ | {f"COLDSTART_{name.upper()}": str(value) for name, value in values.items()}


@contextmanager
def server(settings: Settings, *, before: str = "") -> Iterator[tuple[ForkServerProcess, str]]:
    """Start a server and yield its process and address once it is ready; kill it at the end if it still runs.

    Args:
        settings: The settings of the server, except its port.
        before: Python that its process executes first.
    """
    port = free_port()
    start = f"import uvicorn; uvicorn.run('app.main:create_app_from_env', factory=True, port={port})"
    with process(settings, f"{before}\n{start}") as started:
        address = f"http://127.0.0.1:{port}"
        until(lambda: is_ready(address) or not started.is_alive())
        assert started.is_alive(), "the server has ended"
        yield started, address


def do_next_job(settings: Settings) -> None:
    """Do the oldest queued job, as a worker would."""

    async def do() -> None:
        async with open_database(settings.database_url.get_secret_value()) as database:
            assert await JobRunner(settings, database).run_next()

    asyncio.run(do())


def free_port() -> int:
    """A port that no process listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def process(settings: Settings, code: str) -> Iterator[ForkServerProcess]:
    """A process that executes Python with these settings, killed at the end if it still runs."""
    with forked(environment(settings), code) as started:
        yield started


@contextmanager
def forked(variables: dict[str, str], code: str) -> Iterator[ForkServerProcess]:
    """A process that executes Python with these environment variables, killed at the end if it still runs."""
    started = _FORKS.Process(target=_execute, args=(code, variables))
    started.start()
    try:
        yield started
    finally:
        started.kill()
        started.join()


def _execute(code: str, variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    exec(code, {})  # noqa: S102 - the code comes from the tests


def is_ready(address: str) -> bool:
    """Whether a server answers there and says that it is ready."""
    try:
        return httpx.get(f"{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
