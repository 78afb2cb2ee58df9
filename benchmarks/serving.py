"""Starts and ends server processes for the benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

_PATIENCE_SECONDS = 300


@contextmanager
def serving(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    core: int | None = None,
    log: Path | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A Python process that listens on `{port}`; yields it and its address once it is ready, and ends it.

    Args:
        arguments: The arguments of the interpreter; `{port}` in them becomes a free port.
        environment: Variables added to those of this process.
        core: The only core that the process may use; all cores by default.
        log: The file for its log; by default the log is discarded.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with running([argument.format(port=port) for argument in arguments], environment, core=core, log=log) as process:
        address = f"http://127.0.0.1:{port}"
        _await_ready(process, address)
        yield process, address


@contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], *, core: int | None = None, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that gets SIGINT when the block ends. The arguments are those of `serving`."""
    command = [sys.executable, *arguments]
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    with (log or Path(os.devnull)).open("ab") as written:
        process = subprocess.Popen(command, env=os.environ | environment, stderr=written)  # noqa: S603 - our own
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _await_ready(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.01)
    raise RuntimeError(f"the server at {address} does not become ready")
