"""Start-up times of programs, and the memory of further server processes.

`coldstart serve` on SQLite starts in turns with an empty state directory (it creates the tables and imports the
catalogue) and with an existing one. In the same run Python imports torch, imports the service, and shows the command
line's help and version, with bytecode caches and without. Ratios to `import torch` depend less on the machine than
seconds do. Then several workers answer requests: those that uvicorn starts, each of which imports and loads all by
itself, and those of `coldstart serve --workers`, which are forked from one process that has imported all. Memory is the
proportional set size of all processes together, which counts shared memory once.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from benchmarks.harness import Figures, Options, run, table
from benchmarks.serving import serving

_REPEATS = 3
_IMPORTS = 7
_WORKERS = (2, 4)
_REQUESTS = 100
_SERVERS = {
    "started": (
        "`uvicorn --workers`",
        ["-m", "uvicorn", "--factory", "app.main:create_app_from_env", "--no-access-log"],
    ),
    "forked": ("`coldstart serve --workers`", ["-m", "app.cli", "serve"]),
}
_STARTS = {"first_start": "`coldstart serve`, first start", "restart": "`coldstart serve`, later ones"}
_PROGRAMS = {
    "import torch": ["-c", "import torch"],
    "import app.main": ["-c", "import app.main"],
    "coldstart --help": ["-m", "app.cli", "--help"],
    "coldstart --version": ["-m", "app.cli", "--version"],
}


def measure(options: Options) -> Figures:
    """Measure times and memory."""
    directory = options.artifact("coldstart")
    starts: dict[str, list[float]] = {name: [] for name in _STARTS}
    for _ in range(_REPEATS):
        with tempfile.TemporaryDirectory() as state:
            starts["first_start"].append(_start(directory, state))
            starts["restart"].append(_start(directory, state))
    return {
        "starts": {name: statistics.median(seconds) for name, seconds in starts.items()},
        "programs": measure_programs(),
        "workers": {
            name: {str(count): _memory_of_workers(directory, arguments, count) for count in _WORKERS}
            for name, (_, arguments) in _SERVERS.items()
        },
    }


def measure_programs() -> Figures:
    """Median seconds of each program, with bytecode caches and without."""
    seconds: dict[str, dict[str, list[float]]] = {
        caches: {name: [] for name in _PROGRAMS} for caches in ("with caches", "without caches")
    }
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as empty:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environments = {
            "with caches": inherited | {"PYTHONPYCACHEPREFIX": full},
            "without caches": inherited | {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"},
        }
        for arguments in _PROGRAMS.values():
            _seconds(arguments, environments["with caches"])  # this writes the caches
        for _ in range(_IMPORTS):  # in turns, so that a busy machine affects all programs alike
            for caches, environment in environments.items():
                for name, arguments in _PROGRAMS.items():
                    seconds[caches][name].append(_seconds(arguments, environment))
    return {
        caches: {name: statistics.median(values) for name, values in of_programs.items()}
        for caches, of_programs in seconds.items()
    }


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plots
    """The section of the page."""
    starts = [[title, f"{figures['starts'][name]:.2f}"] for name, title in _STARTS.items()]
    fewest, most = _WORKERS
    workers = []
    for name, (title, _) in _SERVERS.items():
        memory = figures["workers"][name]
        further = (memory[str(most)] - memory[str(fewest)]) / (most - fewest)
        workers.append([title, *(f"{memory[str(count)]:.0f}" for count in _WORKERS), f"{further:.0f}"])
    return "\n\n".join(
        [
            table(["until it is ready", "seconds"], starts),
            programs_table(figures["programs"]),
            table(["MiB", *(f"{count} workers" for count in _WORKERS), "a further worker"], workers),
        ]
    )


def programs_table(programs: Figures) -> str:
    """Seconds of each program and their ratio to those of `import torch`."""
    rows = []
    for name in _PROGRAMS:
        row = [f"`{name}`"]
        for of_programs in programs.values():
            row += [f"{of_programs[name]:.2f}", f"{of_programs[name] / of_programs['import torch']:.2f}"]
        rows.append(row)
    return table(["bytecode caches", "seconds with", "× torch", "seconds without", "× torch"], rows)


def _start(directory: Path, state: str) -> float:
    """Seconds until the server is ready."""
    arguments = ["-m", "app.cli", "serve", "--model", str(directory), "--port", "{port}"]
    started = time.perf_counter()
    with serving(arguments, _environment(state)):
        return time.perf_counter() - started


def _seconds(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Seconds that Python takes for a program."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    return time.perf_counter() - started


def _memory_of_workers(directory: Path, arguments: Sequence[str], count: int) -> float:
    """MiB of all processes of a server with so many workers."""
    with tempfile.TemporaryDirectory() as state:
        environment = _environment(state) | {"COLDSTART_MODEL_DIR": str(directory)}
        command = [*arguments, "--port", "{port}", "--workers", str(count)]
        log = Path(state) / "log"
        with serving(command, environment, log=log) as (parent, address):
            while log.read_text(encoding="utf-8").count("Application startup complete") < count:
                if parent.poll() is not None:
                    raise RuntimeError("the workers have ended")
                time.sleep(0.1)
            for _ in range(_REQUESTS):
                # Each request makes a new connection; the workers accept connections in turn.
                httpx.post(f"{address}/v1/recommendations", json={}).raise_for_status()
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text(encoding="ascii").split()
            return sum(map(_proportional_mib, [parent.pid, *map(int, children)]))


def _environment(state: str) -> dict[str, str]:
    return {"COLDSTART_STATE_DIR": state, "COLDSTART_RUN_WORKER": "0"}


def _proportional_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return int(kib) / 1024


if __name__ == "__main__":
    run(measure)
