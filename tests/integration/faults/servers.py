"""PostgreSQL and Redis servers that tests can stop, pause and restart."""

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
    """A Redis server that stores nothing on the disk; it is empty after a restart."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.connection = redis.Redis(port=self.port)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--maxmemory-policy", "noeviction"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def stop(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the server: connections stay open and nothing is answered."""
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
    """A PostgreSQL server in its own directory. It refuses to run as root, so root runs it as the user postgres."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Create the files of an empty database."""
        if self._as:
            shutil.chown(self._directory, "postgres", "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8").wait()

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process = self._run("postgres", "-p", str(self._port), "-k", str(self._directory))
        until(lambda: asyncio.run(self._answers()))

    def stop(self) -> None:
        """Shut down as a restart does: abort running statements and close all connections."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Abort without a clean shutdown; the next start recovers what was committed."""
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
    """Run a Redis server until the block ends."""
    if shutil.which("redis-server") is None:
        missing("A separate Redis server", "there is no redis-server")
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.connection.close()


@contextmanager
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """Run a PostgreSQL server until the block ends."""
    binaries = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        missing("A separate PostgreSQL server", "there is no /usr/lib/postgresql/*/bin/initdb")
    with tempfile.TemporaryDirectory() as directory:  # other users cannot read pytest's temporary directories
        server = PostgreSQLServer(binaries[-1], Path(directory))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.crash()
