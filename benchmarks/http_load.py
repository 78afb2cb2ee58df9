"""Requests per second and latencies of the service over HTTP, under wrk, beside what the core does without HTTP.

Three calls, over SQLite and over PostgreSQL with Redis, for 1 to 128 clients: recommendations without storing
anything, storing the first ten ratings of somebody new with the answer, and the recommendations of a stored user of
ten ratings, once from the cache and once computed. The server has one core to itself, wrk (Debian's package `wrk`) and
the databases have the others. On the server's core and in the same run: `Recommender.recommend_many` called directly,
and a route with the same models that computes nothing.

A client asks again when it has its answer, so a latency is about the clients ÷ the requests a second. PostgreSQL and
Redis are those of COLDSTART_BENCH_POSTGRESQL_URL and COLDSTART_BENCH_REDIS_URL, on this machine unless given; without
them their rows are left out. About two minutes.
"""

import json
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx

from benchmarks.databases import postgresql_and_redis
from benchmarks.harness import Figures, Options, SkippedError, medians, run, table, use_one_core
from benchmarks.serving import serving
from models.artifact import load_artifact
from models.ranking import RankingQuery, Recommender

CALLS = {
    "stateless": "`POST /v1/recommendations`",
    "storing": "`POST /v1/users/{id}/ratings`",
    "cached": "`GET …/recommendations`, cached",
    "computed": "`GET …/recommendations`, computed",
}
CLIENTS = (1, 8, 32, 128)

_SECONDS = 2
_USERS = 500
_RATED_ITEMS = 200
_RATINGS = 10
_BATCH = 32
_SCRIPT = Path(__file__).with_suffix(".lua")


def measure(options: Options) -> Figures:
    """Measure all cells."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SkippedError("server and clients need a core each")
    if shutil.which("wrk") is None:
        raise SkippedError("wrk is not installed")
    directory = options.artifact("coldstart")
    use_one_core()
    core = _core(directory)
    (server_core,) = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores) - {server_core})
    item_ids = load_artifact(directory).items.ids[:_RATED_ITEMS]
    echo = ["-m", "uvicorn", "benchmarks.http_echo:app", "--port", "{port}", "--no-access-log"]
    with serving(echo, {}, core=server_core) as (_, address):
        figures: Figures = {"core": core, "echo": {str(n): _wrk(address, "stateless", n, item_ids) for n in CLIENTS}}
    figures["service"] = {"SQLite": _service(directory, {}, server_core, item_ids)}
    try:
        with postgresql_and_redis() as environment:
            figures["service"]["PostgreSQL and Redis"] = _service(directory, environment, server_core, item_ids)
    except SkippedError as reason:
        figures["left_out"] = str(reason)
    return figures


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plots
    """The section of the page."""
    core, echo = figures["core"], figures["echo"]
    both = 1 / (core["seconds_together"] + 1 / _rate(echo["32"]))
    parts = [
        f"Without HTTP, one core ranks for {1 / core['seconds_together']:,.0f} users a second in batches of "
        f"{core['batch']} ({1e3 * core['seconds_alone']:.2f} ms for one alone). "
        f"“Of the core” is a row's requests a second over that. The route that computes nothing answers "
        f"{_rate(echo['32']):,.0f} requests a second to 32 clients, at {echo['1']['p50_ms']:.2f} ms to one. One core "
        f"that did nothing but these two would answer {both:,.0f} requests a second, "
        f"{both * core['seconds_together']:.0%} of the core: that is the most that can be reached here."
    ]
    for database, calls in figures["service"].items():
        rows = []
        for call, title in CALLS.items():
            for clients, cell in calls[call].items():
                rows.append(
                    [
                        f"{title}, {clients} client{'s' if clients != '1' else ''}",
                        f"{_rate(cell):,.0f}",
                        *(f"{cell[f'{percentile}_ms']:.1f}" for percentile in ("p50", "p95", "p99", "max")),
                        "" if call == "cached" else f"{_rate(cell) * core['seconds_together']:.0%}",
                    ]
                )
        header = ["call", "requests/s", "p50 ms", "p95 ms", "p99 ms", "longest ms", "of the core"]
        parts.append(f"{database}:\n\n{table(header, rows)}")
    if "left_out" in figures:
        parts.append(f"Left out: {figures['left_out']}.")
    return "\n\n".join(parts)


def _core(directory: Path) -> Figures:
    model = load_artifact(directory)
    recommender = Recommender(model, model.items)
    generator = random.Random(0)  # noqa: S311 - no secret
    rated = model.items.ids[:_RATED_ITEMS]
    queries = [
        RankingQuery(
            attributes={},
            ratings=[(item_id, float(generator.randint(1, 5))) for item_id in generator.sample(rated, _RATINGS)],
            n=10,
        )
        for _ in range(_BATCH)
    ]
    seconds = medians(
        {
            "alone": lambda: recommender.recommend(queries[0]),
            "together": lambda: recommender.recommend_many(queries),
        },
        repeats=100,
        warm_up=5,
    )
    return {"batch": _BATCH, "seconds_alone": seconds["alone"], "seconds_together": seconds["together"] / _BATCH}


def _service(directory: Path, variables: dict[str, str], core: int, item_ids: list[str]) -> Figures:
    with tempfile.TemporaryDirectory() as state:
        arguments = ["-m", "app.cli", "serve", "--model", str(directory), "--port", "{port}"]
        environment = {"COLDSTART_STATE_DIR": state, "COLDSTART_RUN_WORKER": "0", **variables}
        with serving(arguments, environment, core=core) as (_, address):
            _store_users(address, item_ids)
            cells: Figures = {}
            for call in CALLS:
                if call == "cached":
                    _ask_for_every_user(address)
                cells[call] = {str(n): _wrk(address, call, n, item_ids) for n in CLIENTS}
            return cells


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


def _wrk(address: str, call: str, clients: int, item_ids: list[str]) -> Figures:
    command = ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{_SECONDS}s", "--timeout", "10s"]
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


def _rate(cell: Figures) -> float:
    """Requests a second."""
    return float(cell["requests"] / cell["seconds"])


if __name__ == "__main__":
    run(measure)
