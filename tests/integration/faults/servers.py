"""PostgreSQL and Redis that belong to the tests, which may stop, pause and restart them."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import redis
from redis.exceptions import RedisError

from tests.integration.running import free_port, missing
from tests.waiting import until


class RedisServer:
    """A Redis that keeps nothing on the disk: stopped, it has forgotten everything."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.connection = redis.Redis(port=self.port)

    def start(self) -> None:
        """Start, and return when it answers."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--maxmemory-policy", "noeviction"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def stop(self) -> None:
        """Stop at once."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it hold its connections open and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            return bool(self.connection.ping())
        except RedisError:
            return False


class PostgreSQLServer:
    """A PostgreSQL with a directory of its own. It refuses to run as root, so root runs it as the user postgres."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Make the files of an empty database."""
        if self._as:
            shutil.chown(self._directory, "postgres", "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8").wait()

    def start(self) -> None:
        """Start, and return when it takes connections."""
        self._process = self._run("postgres", "-p", str(self._port), "-k", str(self._directory))
        until(lambda: asyncio.run(self._answers()))

    def stop(self) -> None:
        """Break off what runs, close all connections and shut down, as a restart does."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Fall over: the next start recovers what was committed."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait()

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._binaries / program, "-D", self._directory, *arguments],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,  # type: ignore[call-overload]
        )

    async def _answers(self) -> bool:
        try:
            await (await asyncpg.connect(self.url)).close()
        except (OSError, asyncpg.PostgresError):
            return False
        return True


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A Redis of one's own, running."""
    if shutil.which("redis-server") is None:
        missing("A Redis of the test's own", "there is no redis-server")
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.connection.close()


@contextmanager
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL of one's own, running."""
    binaries = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        missing("A PostgreSQL of the test's own", "there is no /usr/lib/postgresql/*/bin/initdb")
    with tempfile.TemporaryDirectory() as directory:  # pytest's own are closed to other users
        server = PostgreSQLServer(binaries[-1], Path(directory))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.crash()
