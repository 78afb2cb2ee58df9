"""Requests per second and latencies of the service over HTTP, and of ranking without HTTP on the same core.

Three calls, over SQLite and over PostgreSQL with Redis, for 1 to 128 clients: recommendations without storing anything,
storing the first ten ratings of a new user, and the recommendations of a stored user of ten ratings, once from the
cache and once computed. The server has one core to itself, wrk (Debian's package `wrk`) and the databases have the
others. On the server's core and in the same run: `Recommender.recommend_many` called directly, and a route with the
same models that computes nothing.

Requests are made with wrk. Everything is measured three times in turns; the row with the median of the requests a
second is shown. A client sends the next request when it has its answer, so a latency is about clients ÷ requests a
second. COLDSTART_BENCH_POSTGRESQL_URL and COLDSTART_BENCH_REDIS_URL name PostgreSQL and Redis; the default is this
machine. Without them their rows are missing. It takes about five minutes.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.databases import postgresql_and_redis
from benchmarks.harness import Figures, Options, SkippedError, medians, run, table, use_one_core
from benchmarks.serving import serving
from models.artifact import load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender

CALLS = {
    "stateless": "`POST /v1/recommendations`",
    "storing": "`POST /v1/users/{id}/ratings`",
    "cached": "`GET …/recommendations`, cached",
    "computed": "`GET …/recommendations`, computed",
}
CLIENTS = (1, 8, 32, 128)

_SECONDS = 2
_ROUNDS = 3
_USERS = 500
_RATED_ITEMS = 200
_RATINGS = 10
_BATCH = 32
_SCRIPT = Path(__file__).with_suffix(".lua")
_ECHO = ["-m", "uvicorn", "benchmarks.http_echo:app", "--port", "{port}", "--no-access-log"]


def measure(options: Options) -> Figures:
    """Measure all calls, databases and numbers of clients."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SkippedError("server and clients need a core each")
    if shutil.which("wrk") is None:
        raise SkippedError("wrk is not installed")
    directory = options.artifact("coldstart")
    use_one_core()
    (server_core,) = os.sched_getaffinity(0)
    clients_cores = set(cores) - {server_core}
    core = Core(directory, server_core, clients_cores)
    os.sched_setaffinity(0, clients_cores)
    item_ids = core.item_ids[:_RATED_ITEMS]
    figures: Figures = {"service": {}}
    with serving(_ECHO, {}, core=server_core) as (_, echo):
        measured = {"SQLite": _rounds(directory, {}, core, echo, item_ids)}
        try:
            with postgresql_and_redis() as environment:
                measured["PostgreSQL and Redis"] = _rounds(directory, environment, core, echo, item_ids)
        except SkippedError as reason:
            figures["left_out"] = str(reason)
    for database, rounds in measured.items():
        figures["service"][database] = {
            call: {str(n): _median([measured_round[call][n] for measured_round in rounds]) for n in CLIENTS}
            for call in CALLS
        }
    all_rounds = [measured_round for rounds in measured.values() for measured_round in rounds]
    figures["echo"] = {str(n): _median([measured_round["echo"][n] for measured_round in all_rounds]) for n in CLIENTS}
    figures["core"] = {
        "batch": _BATCH,
        **{
            name: statistics.median(measured_round["core"][name] for measured_round in all_rounds)
            for name in ("alone", "together")
        },
    }
    return figures


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plots
    """The section of the page."""
    core, echo = figures["core"], figures["echo"]
    both = 1 / (core["together"] + 1 / rate(echo["32"]))
    parts = [
        f"Without HTTP, one core ranks for {1 / core['together']:,.0f} users a second in batches of "
        f"{core['batch']} ({1e3 * core['alone']:.2f} ms for one alone). "
        f"“Of the core” is a row's requests a second over that. The route that computes nothing answers "
        f"{rate(echo['32']):,.0f} requests a second to 32 clients, at {echo['1']['p50_ms']:.2f} ms to one. One core "
        f"that did nothing but these two would answer {both:,.0f} requests a second, "
        f"{both * core['together']:.0%} of the core: that is the most that can be reached here."
    ]
    for database, calls in figures["service"].items():
        rows = []
        for call, title in CALLS.items():
            for clients, cell in calls[call].items():
                rows.append(
                    [
                        f"{title}, {clients} client{'s' if clients != '1' else ''}",
                        f"{rate(cell):,.0f}",
                        *(f"{cell[f'{percentile}_ms']:.1f}" for percentile in ("p50", "p95", "p99", "max")),
                        "" if call == "cached" else f"{rate(cell) * core['together']:.0%}",
                    ]
                )
        header = ["call", "requests/s", "p50 ms", "p95 ms", "p99 ms", "longest ms", "of the core"]
        parts.append(f"{database}:\n\n{table(header, rows)}")
    if "left_out" in figures:
        parts.append(f"Left out: {figures['left_out']}.")
    return "\n\n".join(parts)


class Core:
    """Ranking, called directly on the server's core.

    Args:
        directory: The directory of the artifact.
        number: The server's core.
        others: The cores of this process after a measurement.
    """

    def __init__(self, directory: Path, number: int, others: set[int]) -> None:
        model = load_artifact(directory)
        self.item_ids = model.items.ids
        self.number = number
        self._others = others
        self._recommender = Recommender(model, model.items)
        generator = random.Random(0)  # noqa: S311 - no secret
        self._queries = [
            RankingQuery(
                attributes={},
                ratings=[
                    ItemRating(item_id, float(generator.randint(1, 5)))
                    for item_id in generator.sample(model.items.ids[:_RATED_ITEMS], _RATINGS)
                ],
                n=10,
            )
            for _ in range(_BATCH)
        ]

    def seconds(self) -> dict[str, float]:
        """Seconds for one user alone, and for one user of a batch."""
        os.sched_setaffinity(0, {self.number})
        seconds = medians(
            {
                "alone": lambda: self._recommender.recommend(self._queries[0]),
                "together": lambda: self._recommender.recommend_many(self._queries),
            },
            repeats=100,
            warm_up=5,
        )
        os.sched_setaffinity(0, self._others)
        return {"alone": seconds["alone"], "together": seconds["together"] / _BATCH}


def _rounds(directory: Path, variables: dict[str, str], core: Core, echo: str, item_ids: list[str]) -> list[Figures]:
    """Measure all rounds: the cells of every call and of the echo by clients, and the seconds of the core."""
    with tempfile.TemporaryDirectory() as state:
        arguments = ["-m", "app.cli", "serve", "--model", str(directory), "--port", "{port}"]
        environment = {"COLDSTART_STATE_DIR": state, "COLDSTART_RUN_WORKER": "0", **variables}
        with serving(arguments, environment, core=core.number) as (_, address):
            _store_users(address, item_ids)
            return [_round(address, core, echo, item_ids) for _ in range(_ROUNDS)]


def _round(address: str, core: Core, echo: str, item_ids: list[str]) -> Figures:
    measured: Figures = {
        "core": core.seconds(),
        "echo": {clients: wrk(echo, "stateless", clients, item_ids) for clients in CLIENTS},
    }
    for call in CALLS:
        if call == "cached":
            _ask_for_every_user(address)
        measured[call] = {clients: wrk(address, call, clients, item_ids) for clients in CLIENTS}
    return measured


def _median(cells: Sequence[Figures]) -> Figures:
    """The cell with the median of the requests a second."""
    return sorted(cells, key=rate)[len(cells) // 2]


def _store_users(address: str, item_ids: list[str]) -> None:
    with httpx.Client(base_url=address) as client:
        for user in range(1, _USERS + 1):
            rated = random.Random(user).sample(item_ids, _RATINGS)  # noqa: S311 - no secret
            body = {"ratings": [{"item_id": item_id, "rating": 1 + user % 5} for item_id in rated]}
            client.post(f"/v1/users/u{user}/ratings", json=body).raise_for_status()


def _ask_for_every_user(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        for user in range(1, _USERS + 1):
            client.get(f"/v1/users/u{user}/recommendations", params={"n": 10}).raise_for_status()


def wrk(address: str, call: str, clients: int, item_ids: Sequence[str], *, seconds: int = _SECONDS) -> Figures:
    """Make requests of a kind (`CALLS`) as fast as they are answered; how many were, and how long they took.

    Raises:
        RuntimeError: If a request failed.
    """
    command = ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--timeout", "10s"]
    arguments = [call, ",".join(item_ids), str(_USERS)]
    done = subprocess.run(  # noqa: S603 - a program that the documentation names, without a shell
        [*command, "--script", str(_SCRIPT), f"{address}/v1/recommendations", "--", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    cell: Figures = json.loads(done.stdout.splitlines()[-1])
    if cell["errors"]:
        raise RuntimeError(f"{cell['errors']} of {cell['requests']} requests failed: {call}, {clients} clients")
    return cell


def rate(cell: Figures) -> float:
    """Requests a second."""
    return float(cell["requests"] / cell["seconds"])


if __name__ == "__main__":
    run(measure)
