"""Latencies of the main calls, against those of another commit, measured in turns in one run.

    python -m benchmarks.latency_against --data DIR --commit SHA [--pairs 600]

Writes docs/results/latency-against.{md,json}. Each of the two versions has a server process of its own, with SQLite, on
the same core; this process has the others. A pair is one request to the one and the same request to the other, in
random order. The other commit is checked out into a temporary git worktree. Each version serves a model that it has
trained itself, because it may not read that of the other.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import environment, table
from benchmarks.serving import serving
from models.artifact import load_artifact

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
_PRESET = "coldstart"
_RATINGS, _RATED_ITEMS = 10, 200
_WARM_UP = 30
_RESAMPLES = 2000
_MOST_SLOWER = 0.03

CALLS = {
    "storing": f"`POST /v1/users/{{id}}/ratings`, {_RATINGS} ratings of a new user",
    "candidates": "`GET /v1/candidates`, for such a user",
    "recommendations": "`GET /v1/users/{id}/recommendations` of such a user, not cached",
}
"""In this order: the first one stores the users of the others."""

_STATISTICS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "median": partial(np.median, axis=-1),
    "p99": partial(np.quantile, q=0.99, axis=-1),
}


@dataclass(frozen=True)
class Compared:
    """A figure of this version and of the other one.

    Attributes:
        this: This version's, in milliseconds.
        other: The other's.
        ratio: `this` over `other`.
        low: The lower end of the ratio's bootstrap 95 % interval over pairs.
        high: The upper end.
    """

    this: float
    other: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Server:
    """A running version."""

    client: httpx.Client
    process: int

    def measured(self, method: str, path: str, body: Any) -> tuple[float, float]:  # noqa: ANN401 - JSON
        """Seconds until the answer, and seconds of the processor that the server has used meanwhile."""
        used, began = self._processor_seconds(), time.perf_counter()
        self.client.request(method, path, json=body).raise_for_status()
        return time.perf_counter() - began, self._processor_seconds() - used

    def _processor_seconds(self) -> float:
        """Processor time of all its threads so far. The scheduler counts it in nanoseconds."""
        threads = Path(f"/proc/{self.process}/task").iterdir()
        return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--commit", required=True, help="the other version")
    parser.add_argument("--pairs", type=int, default=600, help="measured pairs of requests of each call")
    arguments = parser.parse_args()
    commit = _git("rev-parse", "--short", arguments.commit)
    stored = {
        "data": arguments.data.name,
        "environment": environment(),
        "this": _git("rev-parse", "--short", "HEAD"),
        "other": commit,
        "pairs": arguments.pairs,
    }
    with _checked_out(commit) as directory, tempfile.TemporaryDirectory() as models:
        versions = {ROOT: Path(models) / "this", directory: Path(models) / "other"}
        for code, artifact in versions.items():
            _train(code, arguments.data.resolve(), artifact)
        figures = _compare_all(versions, pairs=arguments.pairs)
    stored["calls"] = {call: {name: asdict(each) for name, each in own.items()} for call, own in figures.items()}
    (RESULTS / "latency-against.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "latency-against.md").write_text(page_of(figures, stored), encoding="utf-8")


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """A temporary git worktree of a commit."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "other"
        _git("worktree", "add", "--quiet", "--detach", str(directory), commit)
        try:
            yield directory
        finally:
            _git("worktree", "remove", "--force", str(directory))


def _train(code: Path, data: Path, artifact: Path) -> None:
    """Train with the code of another directory, for one epoch: a better model would serve no faster or slower."""
    options = ["--research-only", "--epochs", "1", "--preset", _PRESET]
    arguments = ["train", *options, "--data", str(data), "--out", str(artifact)]
    command = [sys.executable, "-P", "-m", "app.cli", *arguments]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(code)}, check=True)  # noqa: S603 - our own


def _compare_all(versions: Mapping[Path, Path], *, pairs: int) -> dict[str, dict[str, Compared]]:
    """By call and figure, both versions.

    Args:
        versions: By the directory of the code, the artifact that it serves: of this version first.
        pairs: Measured pairs of requests of each call.
    """
    *rest, core = sorted(os.sched_getaffinity(0))
    item_ids = load_artifact(versions[ROOT]).items.ids[:_RATED_ITEMS]
    if rest:
        os.sched_setaffinity(0, rest)
    with ExitStack() as stack:
        servers = [stack.enter_context(_serving(artifact, code, core)) for code, artifact in versions.items()]
        return {call: _compare(servers, call, item_ids, pairs) for call in CALLS}


@contextmanager
def _serving(artifact: Path, code: Path, core: int) -> Iterator[Server]:
    """A server with the code of a directory, and an empty database."""
    # With -P, Python does not look for modules in the current directory first.
    arguments = ["-P", "-m", "app.cli", "serve", "--model", str(artifact), "--port", "{port}"]
    with tempfile.TemporaryDirectory() as state:
        variables = {"PYTHONPATH": str(code), "COLDSTART_STATE_DIR": state, "COLDSTART_RUN_WORKER": "0"}
        with serving(arguments, variables, core=core) as (process, address), httpx.Client(base_url=address) as client:
            yield Server(client, process.pid)


def _compare(servers: Sequence[Server], call: str, item_ids: Sequence[str], pairs: int) -> dict[str, Compared]:
    generator = random.Random(0)  # noqa: S311 - no secret
    measured = np.zeros((2, len(servers), _WARM_UP + pairs))  # seconds, and processor seconds
    for number in range(measured.shape[-1]):
        request = _request(call, number, item_ids, generator)
        for place in generator.sample(range(len(servers)), len(servers)):
            measured[:, place, number] = servers[place].measured(*request)
    latency, processor = measured[..., _WARM_UP:]
    figures = {name: _compared(latency, statistic) for name, statistic in _STATISTICS.items()}
    return figures | {"processor": _compared(processor, partial(np.mean, axis=-1))}


def _request(
    call: str, number: int, item_ids: Sequence[str], generator: random.Random
) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body."""
    if call == "storing":
        rated = generator.sample(item_ids, _RATINGS)
        ratings = [{"item_id": item_id, "rating": generator.randint(1, 5)} for item_id in rated]
        return "POST", f"/v1/users/u{number}/ratings", {"ratings": ratings}
    if call == "candidates":
        return "GET", f"/v1/candidates?user_id=u{number}", None
    # What is left out is part of a cached answer's key, and this has never been left out before.
    return "GET", f"/v1/users/u{number}/recommendations?exclude=none{number}", None


def _compared(
    seconds: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Compared:
    """A statistic of float64 [versions, pairs]."""
    generator = np.random.default_rng(0)
    pairs = seconds.shape[-1]
    ratios = []
    for _ in range(_RESAMPLES):
        this, other = statistic(seconds[:, generator.integers(pairs, size=pairs)])
        ratios.append(this / other)
    this, other = statistic(seconds)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Compared(1000 * float(this), 1000 * float(other), float(this / other), float(low), float(high))


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - arguments that this module makes
        ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - the one of the path
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def page_of(figures: Mapping[str, Mapping[str, Compared]], stored: Mapping[str, Any]) -> str:
    """The page of results."""
    names = {"median": "median", "p99": "99th percentile", "processor": "processor time of the server, mean"}
    rows = [
        [
            f"{title}: {name}",
            f"{own.this:.2f}",
            f"{own.other:.2f}",
            f"{own.ratio:.3f} ({own.low:.3f} to {own.high:.3f})",
        ]
        for call, title in CALLS.items()
        for figure, name in names.items()
        for own in (figures[call][figure],)
    ]
    slower = [
        f"{CALLS[call]} ({names[figure]})"
        for call, own in figures.items()
        for figure, each in own.items()
        if each.low > 1 + _MOST_SLOWER
    ]
    verdict = (
        f"Slower by more than {_MOST_SLOWER:.0%}, by the whole interval: {', '.join(slower)}."
        if slower
        else f"No figure is higher by more than {_MOST_SLOWER:.0%} by its whole interval."
    )
    machine = stored["environment"]
    return f"""# Latency against a former version

Regenerated by `python -m benchmarks.latency_against --data DIR --commit {stored["other"]}`; all figures are in
latency-against.json.

Commit {stored["this"]} beside {stored["other"]}: both servers on one core of {machine["cpu"]}, with SQLite and the
preset `{_PRESET}` of {stored["data"]}. Before the run, {machine["load_before"]:g} processes of the machine wanted its
{machine["cores"]} cores. {stored["pairs"]:,} pairs of equal requests of each call, in random order within a pair.
Ratios are this version over the other, with bootstrap 95 % intervals over pairs. What else the machine does changes the
processor time through its caches alone.

{table(["", f"{stored['this']}, ms", f"{stored['other']}, ms", "ratio"], rows)}

{verdict}
"""


if __name__ == "__main__":
    main()
