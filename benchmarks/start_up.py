"""From the start of the process to the first answer, and the memory of a worker.

`coldstart serve` over SQLite, with an empty state directory (tables are made, the catalogue is imported) and with one
that is there, in turns; beside them, in the same run, a Python that only imports torch, and one that imports the
service. Then two workers under one uvicorn, which have answered requests: resident memory counts what is shared in each
of them, the proportional set size divides it among those who share.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.harness import Figures, Options, run, table
from benchmarks.serving import serving

_REPEATS = 3
_WORKERS = 2
_REQUESTS = 50
_TIMES = {
    "first_start": "`coldstart serve`, first start",
    "restart": "`coldstart serve`, later ones",
    "import_service": "`import app.main` alone",
    "import_torch": "`import torch` alone",
}


def measure(options: Options) -> Figures:
    """Measure times and memory."""
    directory = options.artifact("coldstart")
    seconds: dict[str, list[float]] = {name: [] for name in _TIMES}
    for _ in range(_REPEATS):
        with tempfile.TemporaryDirectory() as state:
            seconds["first_start"].append(_start(directory, state))
            seconds["restart"].append(_start(directory, state))
        seconds["import_service"].append(_python("import app.main"))
        seconds["import_torch"].append(_python("import torch"))
    return {
        "seconds": {name: statistics.median(own) for name, own in seconds.items()},
        "workers": _memory_of_workers(directory),
    }


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plots
    """The section of the page."""
    times = [[title, f"{figures['seconds'][name]:.2f}"] for name, title in _TIMES.items()]
    workers = [
        [f"worker {number} of {len(figures['workers'])}", f"{worker['rss_mib']:.0f}", f"{worker['pss_mib']:.0f}"]
        for number, worker in enumerate(figures["workers"], start=1)
    ]
    memory = table(["", "resident MiB", "proportional MiB"], workers)
    return f"{table(['until it is ready', 'seconds'], times)}\n\n{memory}"


def _start(directory: Path, state: str) -> float:
    """Seconds until the server is ready."""
    arguments = ["-m", "app.cli", "serve", "--model", str(directory), "--port", "{port}"]
    started = time.perf_counter()
    with serving(arguments, _environment(state)):
        return time.perf_counter() - started


def _python(statement: str) -> float:
    """Seconds that a Python takes for a statement."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - our own statement
    return time.perf_counter() - started


def _memory_of_workers(directory: Path) -> list[Figures]:
    arguments = ["-m", "uvicorn", "--factory", "app.main:create_app_from_env", "--port", "{port}"]
    with tempfile.TemporaryDirectory() as state:
        environment = _environment(state) | {"COLDSTART_MODEL_DIR": str(directory)}
        with serving([*arguments, "--workers", str(_WORKERS), "--no-access-log"], environment) as (parent, address):
            for _ in range(_REQUESTS):
                # Each over a connection of its own, which the workers take turns to accept.
                httpx.post(f"{address}/v1/recommendations", json={}).raise_for_status()
            return [_memory(worker) for worker in _workers(parent.pid)]


def _environment(state: str) -> dict[str, str]:
    return {"COLDSTART_STATE_DIR": state, "COLDSTART_RUN_WORKER": "0"}


def _workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _memory(pid: int) -> Figures:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return {"rss_mib": kib["Rss"] / 1024, "pss_mib": kib["Pss"] / 1024}


if __name__ == "__main__":
    run(measure)
