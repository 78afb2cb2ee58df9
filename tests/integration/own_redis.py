"""A Redis that belongs to one test, which may stop it and start it again."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from redis.exceptions import RedisError


class OwnRedis:
    """A Redis that keeps nothing on the disk."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return when it answers."""
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--save", ""],  # noqa: S607 - wherever it is
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        with redis.Redis(port=self._port) as connection:
            while not _answers(connection):
                assert time.monotonic() < deadline, "Redis does not start"
                time.sleep(0.01)

    def stop(self) -> None:
        """Stop at once."""
        self._process.kill()
        self._process.wait()


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A Redis of one's own, running; without the program the test is skipped, or fails where services are required."""
    if shutil.which("redis-server") is None:
        reason = "there is no redis-server"
        pytest.fail(reason) if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1" else pytest.skip(reason)
    server = OwnRedis()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _answers(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except RedisError:
        return False
