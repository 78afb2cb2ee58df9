"""Ten minutes of mixed load on PostgreSQL and Redis, with two API processes and one worker.

    python -m benchmarks.soak --data DIR [--minutes 10] [--visitors 16] [--results DIR]

Locust's visitors (benchmarks/soak/visitors.py) add, change and delete ratings, skip, and request lists. Each visitor
sends its requests to the two processes in turn; keys are required. Meanwhile a shopkeeper adds, changes and deletes
items, activates one of two models and then the other, and has the active one evaluated. At the end all acknowledged
writes are read back.

Writes soak.json, soak.md and soak-memory.svg; ends with 1 if there was an error or a write was lost. PostgreSQL and
Redis are those of the other benchmarks (benchmarks/databases.py).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.databases import postgresql_and_redis
from benchmarks.harness import Figures, add_options, environment, options_of
from benchmarks.serving import running, serving
from benchmarks.soak.page import RESULTS, write_page
from benchmarks.soak.read_back import read_back
from benchmarks.soak.shopkeeper import Shopkeeper
from models.artifact import TrainedModel, load_artifact

_COMMAND = ("-m", "app.cli")
_PRESETS = ("coldstart", "melu")
_RATED_ITEMS = 200
_SAMPLE_SECONDS = 2.0
_VISITORS = Path(__file__).with_name("visitors.py")
_KNOWN_LEVELS = ("WARNING", "ERROR", "CRITICAL")


def main() -> None:
    """Run the soak and write the page. Exits with 1 after an error or a lost write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--visitors", type=int, default=16, help="clients that send requests all the time")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the page is written")
    arguments = parser.parse_args()
    options = options_of(arguments)
    artifacts = [options.artifact(preset) for preset in _PRESETS]
    figures: Figures = {
        "data": options.data.name,
        "environment": environment(),
        "minutes": arguments.minutes,
        "visitors": arguments.visitors,
    }
    print(f"soaking for {arguments.minutes:g} minutes", file=sys.stderr)
    with tempfile.TemporaryDirectory() as work, postgresql_and_redis() as databases:
        environment_variables = {
            **databases,
            "COLDSTART_DATA_DIR": str(options.data.resolve()),
            "COLDSTART_ALLOW_ANONYMOUS": "false",
            "COLDSTART_LOG_FORMAT": "json",
            "MALLOC_ARENA_MAX": "2",  # as in the image
        }
        figures |= _soak(Path(work), environment_variables, artifacts, arguments.minutes * 60, arguments.visitors)
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "soak.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_page(arguments.results)
    wrong = [*figures["errors"], *figures["read_back"]["lost"]]
    print(
        "\n".join(wrong) or f"{sum(request['count'] for request in figures['requests'].values()):,} requests, no error"
    )
    sys.exit(bool(wrong))


def _soak(
    work: Path, environment_variables: Mapping[str, str], artifacts: list[Path], seconds: float, visitors: int
) -> Figures:
    versions = [
        _coldstart(environment_variables, "model", "register", str(artifact.resolve())) for artifact in artifacts
    ]
    _coldstart(environment_variables, "model", "activate", versions[0])
    key = _coldstart(environment_variables, "key", "create", "soak", "--scope", "admin")
    logs = {name: work / f"{name}.log" for name in ("api-1", "api-2", "worker")}
    with ExitStack() as stack:
        processes, addresses = {}, []
        for name in ("api-1", "api-2"):
            arguments = [*_COMMAND, "serve", "--port", "{port}"]
            process, address = stack.enter_context(serving(arguments, environment_variables, log=logs[name]))
            processes[name] = process
            addresses.append(address)
        processes["worker"] = stack.enter_context(
            running([*_COMMAND, "worker"], environment_variables, log=logs["worker"])
        )
        shopkeeper = stack.enter_context(Shopkeeper.connected(addresses, key, versions))
        with _watching_memory(processes) as memory:
            arguments, variables = _load(work, addresses, key, load_artifact(artifacts[0]), seconds, visitors)
            load = stack.enter_context(running(arguments, variables, log=work / "locust.log"))
            while load.poll() is None:
                shopkeeper.go_on()
            if load.returncode != 0:
                raise RuntimeError(f"Locust has failed: {(work / 'locust.log').read_text(encoding='utf-8')}")
            shopkeeper.await_evaluations()
        recorded = json.loads((work / "ledger.json").read_text(encoding="utf-8"))
        lost, counted = read_back(addresses, key, recorded["users"], shopkeeper.items)
        ended = [
            f"{name} has ended with {code}"
            for name, process in processes.items()
            if (code := process.poll()) is not None
        ]
    logged = {name: _logged(file) for name, file in logs.items()}
    return {
        "requests": _requests(work / "locust.json"),
        "shopkeeper": shopkeeper.counts,
        "swap_seconds": shopkeeper.swaps,
        "errors": [*recorded["faults"], *shopkeeper.errors, *ended],
        "logged": {name: len(lines) for name, lines in logged.items()},
        "log": [line for lines in logged.values() for line in lines][:20],
        "read_back": {**counted, "lost": lost},
        "memory": memory,
    }


def _coldstart(environment_variables: Mapping[str, str], *arguments: str) -> str:
    """Run a command of coldstart and return its output."""
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, *_COMMAND, *arguments],
        env=os.environ | environment_variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def _load(
    work: Path, addresses: list[str], key: str, model: TrainedModel, seconds: float, visitors: int
) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment of Locust."""
    (work / "items.json").write_text(json.dumps(model.items.ids[:_RATED_ITEMS]), encoding="utf-8")
    arguments = [
        *("-m", "locust", "--headless", "--only-summary", "--locustfile", str(_VISITORS)),
        *("--users", str(visitors), "--spawn-rate", str(visitors), "--run-time", f"{round(seconds)}s"),
        *("--stop-timeout", "60", "--exit-code-on-error", "0", "--json-file", str(work / "locust")),
    ]
    return arguments, {
        "SOAK_ADDRESSES": ",".join(addresses),
        "SOAK_KEY": key,
        "SOAK_ITEMS": str(work / "items.json"),
        "SOAK_RATINGS": ",".join(map(str, model.schema.rating_scale.all_ratings.tolist())),
        "SOAK_LEDGER": str(work / "ledger.json"),
    }


@contextmanager
def _watching_memory(processes: Mapping[str, subprocess.Popen[bytes]]) -> Iterator[Figures]:
    """Record the resident memory of the processes in MiB until the block ends, with the seconds since its start."""
    seen: Figures = {"seconds": [], **{name: [] for name in processes}}
    over = threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not over.wait(_SAMPLE_SECONDS):
            now = {name: _resident_mib(process.pid) for name, process in processes.items()}
            seen["seconds"].append(round(time.monotonic() - began, 1))
            for name, mib in now.items():
                seen[name].append(mib)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _resident_mib(pid: int) -> float | None:
    """Resident memory in MiB; None for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    resident = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return round(int(resident[0]) / 1024, 1) if resident else None


def _requests(file: Path) -> Figures:
    """Counts of requests, and percentiles of their times in milliseconds, by name."""
    requests: Figures = {}
    for entry in json.loads(file.read_text(encoding="utf-8")):
        times = sorted((float(milliseconds), count) for milliseconds, count in entry["response_times"].items())
        requests[entry["name"]] = {
            "count": entry["num_requests"],
            "failures": entry["num_failures"],
            **{f"p{share}_ms": _percentile(times, share / 100) for share in (50, 95, 99)},
            "max_ms": round(entry["max_response_time"], 1),
        }
    return dict(sorted(requests.items()))


def _percentile(times: list[tuple[float, int]], share: float) -> float:
    wanted = share * sum(count for _, count in times)
    for milliseconds, count in times:
        wanted -= count
        if wanted <= 0:
            return milliseconds
    return times[-1][0]


def _logged(file: Path) -> list[str]:
    """The warnings and errors of a log, and its lines that are not JSON."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("{") or json.loads(line)["level"] in _KNOWN_LEVELS]


if __name__ == "__main__":
    main()
