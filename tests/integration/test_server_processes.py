"""`coldstart serve --workers`: several server processes on one port."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from app.settings import Settings
from tests.integration.running import environment, forked, free_port, is_ready
from tests.waiting import until


def children(pid: int) -> set[int]:
    """The processes that a process has started and that have not ended."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {int(child) for child in listed}


@contextmanager
def two_workers(state: Path, model_dir: Path) -> Iterator[tuple[ForkServerProcess, str]]:
    """The process that starts two servers, and their address once they are ready."""
    port = free_port()
    settings = Settings(state_dir=state, redis_url=None, model_dir=model_dir, run_worker=False)
    command = ["coldstart", "serve", "--workers", "2", "--port", str(port)]
    code = f"import sys; sys.argv = {command!r}; from app.cli.main import main; main()"
    with forked(environment(settings), code) as parent:
        address = f"http://127.0.0.1:{port}"
        until(lambda: is_ready(address) or not parent.is_alive())
        assert parent.is_alive(), "the servers have ended"
        yield parent, address


def test_workers_answer_replace_a_killed_one_and_end_together(tmp_path: Path, model_dir: Path) -> None:
    with two_workers(tmp_path / "state", model_dir) as (parent, address):
        assert parent.pid is not None
        first, second = children(parent.pid)

        os.kill(first, signal.SIGKILL)

        until(lambda: len(children(parent.pid or 0) - {first}) == 2)
        until(lambda: is_ready(address))
        for _ in range(4):
            answer = httpx.post(f"{address}/v1/recommendations", json={"n": 3})
            assert len(answer.json()["items"]) == 3
        workers = children(parent.pid)
        assert second in workers

        parent.terminate()
        parent.join()
        assert parent.exitcode == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
