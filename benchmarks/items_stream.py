"""A hundred thousand items in one request: speed, memory of the server, and waits of another client.

    python -m benchmarks.items_stream --model ARTIFACT [--items N] [--database-url URL]

One server uses SQLite, or the given database, which must be empty. The same stream is sent twice, so the second changes
nothing. Meanwhile another client requests recommendations all the time. Prints one JSON line.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import Figures, environment
from benchmarks.serving import serving
from models.artifact import TrainedModel, load_artifact

_ARGUMENTS = ["-m", "uvicorn", "--factory", "app.main:create_app_from_env", "--port", "{port}", "--no-access-log"]
_PART_LINES = 500
_PATIENCE_SECONDS = 600


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--database-url")
    arguments = parser.parse_args()
    parts = list(_parts(load_artifact(arguments.model), arguments.items))
    with tempfile.TemporaryDirectory() as state:
        settings = {"COLDSTART_STATE_DIR": state, "COLDSTART_MODEL_DIR": str(arguments.model)}
        if arguments.database_url:
            settings["COLDSTART_DATABASE_URL"] = arguments.database_url
        with serving(_ARGUMENTS, settings) as (process, address):
            _ask(address)
            figures: Figures = {"items": arguments.items, "mib": sum(map(len, parts)) / 2**20}
            figures["memory_mib_before"] = _memory_mib(process.pid, "VmRSS")
            figures["first"] = _sent(address, parts)
            figures["memory_mib_peak"] = _memory_mib(process.pid, "VmHWM")
            figures["again"] = _sent(address, parts)
            figures["memory_mib_after"] = _memory_mib(process.pid, "VmRSS")
    line = {"benchmark": "items_stream", "model": arguments.model.name, "environment": environment()}
    sys.stdout.write(json.dumps(line | {"figures": figures}) + "\n")


def _parts(model: TrainedModel, count: int) -> Iterator[bytes]:
    """The parts of the body: the items of the model under new ids."""
    rows = cycle(model.items.table.iter_rows(named=True))
    lines = (_line(f"made-{number}", next(rows)) for number in range(count))
    while part := b"".join(islice(lines, _PART_LINES)):
        yield part


def _line(item_id: str, row: dict[str, Any]) -> bytes:
    attributes = {name: value for name, value in row.items() if name not in {"id", "title"} and value is not None}
    return json.dumps({"item_id": item_id, "title": row["title"], "attributes": attributes}).encode() + b"\n"


def _sent(address: str, parts: list[bytes]) -> Figures:
    """Send all items. Returns the speed, and the waits of another client meanwhile."""
    with _asking(address) as waits, httpx.Client(base_url=address, timeout=_PATIENCE_SECONDS) as client:
        started = time.perf_counter()
        answer = client.post("/v1/items:batch", content=iter(parts), headers={"content-type": "application/x-ndjson"})
        seconds = time.perf_counter() - started
    report = answer.raise_for_status().json()
    return {
        "seconds": seconds,
        "items_per_second": report["lines"] / seconds,
        **{name: report[name] for name in ("created", "unchanged", "rejected")},
        "other_requests": len(waits),
        "other_seconds_median": sorted(waits)[len(waits) // 2],
        "other_seconds_longest": max(waits),
    }


@contextmanager
def _asking(address: str) -> Iterator[list[float]]:
    """Request recommendations until the block ends; yields the seconds of each answer."""
    waits: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            waits.append(_ask(address))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def _ask(address: str) -> float:
    started = time.perf_counter()
    httpx.post(f"{address}/v1/recommendations", json={}, timeout=_PATIENCE_SECONDS).raise_for_status()
    return time.perf_counter() - started


def _memory_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


if __name__ == "__main__":
    main()
