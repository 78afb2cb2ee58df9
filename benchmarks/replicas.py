"""Three API processes behind Caddy: requests a second by their number, and what a kill under load costs.

    python -m benchmarks.replicas --data DIR [--work DIR]

Writes docs/results/replicas.{md,json}. The API processes share PostgreSQL and Redis, and Caddy stands before them with
the configuration of deploy/caddy. Everything runs on this machine: the processes, the proxy, the databases and the
clients share its cores. It needs Caddy and wrk (Debian's packages `caddy` and `wrk`), PostgreSQL and Redis.

Under load, one of three processes is killed (SIGKILL). A client sends a request again, once, if it failed. Afterwards
every acknowledged rating must be stored, and both remaining processes must answer with the same list for each user. The
command ends with 1 if that does not hold.
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.databases import postgresql_and_redis
from benchmarks.harness import Options, SkippedError, add_options, environment, options_of, table
from benchmarks.http_load import rate, wrk
from benchmarks.serving import serving
from models.artifact import load_artifact
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
CADDYFILE = Path(__file__).parents[1] / "deploy" / "caddy" / "Caddyfile"
PROCESSES = (1, 2, 3)
CLIENTS = 32
ROUNDS = 3
KILL_CLIENTS = 8
KILL_SECONDS = 20
_SECONDS = 4
_RATINGS = 5
_RATED_ITEMS = 200
_NEVER = "1e9"
_BROKEN = {502, 503, 504}

Figures = dict[str, Any]


@dataclass
class Outcome:
    """What the clients saw while a process was killed.

    Attributes:
        users: Users whose ratings were acknowledged.
        failed_once: Requests that succeeded when they were sent again.
        failed_twice: Requests that failed both times.
        longest_seconds: The longest time from the first try to the answer.
    """

    users: list[str] = field(default_factory=list)
    failed_once: int = 0
    failed_twice: int = 0
    longest_seconds: float = 0.0

    def add(self, other: "Outcome") -> None:
        """Add what another client saw."""
        self.users += other.users
        self.failed_once += other.failed_once
        self.failed_twice += other.failed_twice
        self.longest_seconds = max(self.longest_seconds, other.longest_seconds)


def main() -> None:
    """Run from the command line. Exits with 1 if a rating was lost or lists differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    options = options_of(parser.parse_args())
    try:
        figures = measure(options)
    except SkippedError as reason:
        sys.exit(f"Nothing was measured: {reason}.")
    (RESULTS / "replicas.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "replicas.md").write_text(page(figures), encoding="utf-8")
    kill = figures["kill"]
    sys.exit(bool(kill["failed_twice"] or kill["lost_ratings"] or kill["different_lists"]))


def measure(options: Options) -> Figures:
    """Measure the requests a second and the kill.

    Raises:
        SkippedError: If a program or a database is missing.
    """
    for program in ("caddy", "wrk"):
        if shutil.which(program) is None:
            raise SkippedError(f"{program} is not installed")
    compute_in_one_thread()
    artifact = options.artifact("coldstart")
    figures: Figures = {"data": options.data.name, "environment": environment()}
    with postgresql_and_redis() as databases, tempfile.TemporaryDirectory() as directory:
        deployment = Deployment(artifact, databases, Path(directory))
        figures["throughput"] = throughput(deployment)
        figures["kill"] = kill_one(deployment)
    return figures


class Deployment:
    """API processes behind Caddy.

    Args:
        artifact: The model that they serve.
        databases: The settings of PostgreSQL and Redis.
        directory: For the state of the processes and the configuration of Caddy.
    """

    def __init__(self, artifact: Path, databases: dict[str, str], directory: Path) -> None:
        self.item_ids = load_artifact(artifact).items.ids[:_RATED_ITEMS]
        self._artifact = artifact
        self._directory = directory
        self._environment = {
            **databases,
            "COLDSTART_STATE_DIR": str(directory),
            "COLDSTART_RUN_WORKER": "0",
            "COLDSTART_POPULARITY_SECONDS": _NEVER,  # each process counts new ratings at times of its own
        }

    @contextmanager
    def running(self, count: int) -> Iterator[tuple[str, list[tuple[subprocess.Popen[bytes], str]]]]:
        """The address of Caddy, and the processes behind it with their own addresses."""
        arguments = ["-m", "app.cli", "serve", "--model", str(self._artifact), "--port", "{port}"]
        with ExitStack() as stack:
            processes = [stack.enter_context(serving(arguments, self._environment)) for _ in range(count)]
            yield stack.enter_context(self._proxy([address for _, address in processes])), processes

    @contextmanager
    def _proxy(self, addresses: Sequence[str]) -> Iterator[str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            site = f"http://127.0.0.1:{free.getsockname()[1]}"
        variables = os.environ | {
            "COLDSTART_SITE": site,
            "XDG_DATA_HOME": str(self._directory),
            "XDG_CONFIG_HOME": str(self._directory),
        }
        command = ["caddy", "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
        adapted = subprocess.run(command, env=variables, check=True, capture_output=True)  # noqa: S603 - no user input
        configuration = json.loads(adapted.stdout) | {"admin": {"disabled": True}}
        for handler in _proxies_in(configuration):  # the Caddyfile finds the processes by a name, which is missing here
            del handler["dynamic_upstreams"]
            handler["upstreams"] = [{"dial": address.removeprefix("http://")} for address in addresses]
        file = self._directory / "caddy.json"
        file.write_text(json.dumps(configuration), encoding="utf-8")
        proxy = subprocess.Popen(  # noqa: S603 - no user input
            ["caddy", "run", "--config", str(file)],  # noqa: S607 - where the system has it
            env=variables,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _is_ready(site):
                if proxy.poll() is not None:
                    raise RuntimeError("Caddy has ended")
                time.sleep(0.05)
            yield site
        finally:
            proxy.terminate()
            proxy.wait()


def _proxies_in(configuration: Any) -> Iterator[Figures]:  # noqa: ANN401 - any part of the JSON
    """The handlers that pass requests on."""
    if isinstance(configuration, dict):
        if configuration.get("handler") == "reverse_proxy":
            yield configuration
        configuration = list(configuration.values())
    if isinstance(configuration, list):
        for part in configuration:
            yield from _proxies_in(part)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready").is_success
    except httpx.TransportError:
        return False


def throughput(deployment: Deployment) -> Figures:
    """Requests a second by the number of processes: the median of some rounds."""
    rates: dict[str, dict[str, list[float]]] = {}
    for count in PROCESSES:
        own = rates[str(count)] = {}
        with deployment.running(count) as (address, _):
            for call in ("stateless", "storing") * ROUNDS:
                cell = wrk(address, call, CLIENTS, deployment.item_ids, seconds=_SECONDS)
                own.setdefault(call, []).append(rate(cell))
    return {
        count: {call: sorted(measured)[len(measured) // 2] for call, measured in own.items()}
        for count, own in rates.items()
    }


def kill_one(deployment: Deployment) -> Figures:
    """Kill one of three processes under load, and compare what is stored and answered afterwards."""
    with deployment.running(3) as (address, processes):
        outcomes = [Outcome() for _ in range(KILL_CLIENTS)]
        end = time.monotonic() + KILL_SECONDS
        clients = [
            threading.Thread(target=visit, args=(address, deployment.item_ids, number, end, outcome))
            for number, outcome in enumerate(outcomes)
        ]
        for client in clients:
            client.start()
        time.sleep(KILL_SECONDS / 3)
        killed, _ = processes[0]
        killed.kill()
        for client in clients:
            client.join()
        total = Outcome()
        for outcome in outcomes:
            total.add(outcome)
        lost, different = _compare(total.users, [own for process, own in processes if process is not killed])
    return {
        "requests": 2 * len(total.users),
        "users": len(total.users),
        "failed_once": total.failed_once,
        "failed_twice": total.failed_twice,
        "longest_seconds": total.longest_seconds,
        "lost_ratings": lost,
        "different_lists": different,
    }


def visit(address: str, item_ids: Sequence[str], number: int, end: float, outcome: Outcome) -> None:
    """Be one new user after another: rate some items, and ask for a list."""
    generator = random.Random(number)  # noqa: S311 - no secret
    with httpx.Client(base_url=address, timeout=30) as client:
        while time.monotonic() < end:
            user = f"visitor-{number}-{len(outcome.users)}"
            rated = generator.sample(list(item_ids), _RATINGS)
            ratings = [{"item_id": item_id, "rating": generator.randint(1, 5)} for item_id in rated]
            if _succeeds(client, outcome, "POST", f"/v1/users/{user}/ratings", json={"ratings": ratings}):
                outcome.users.append(user)
            _succeeds(client, outcome, "GET", f"/v1/users/{user}/recommendations")


def _succeeds(client: httpx.Client, outcome: Outcome, method: str, path: str, **body: Any) -> bool:  # noqa: ANN401
    """Send a request, and again if it failed. Storing a rating twice is the same as storing it once."""
    started = time.monotonic()
    for failures in range(2):
        try:
            answer = client.request(method, path, **body)
        except httpx.TransportError:
            continue
        if answer.status_code not in _BROKEN:
            answer.raise_for_status()
            outcome.failed_once += failures
            outcome.longest_seconds = max(outcome.longest_seconds, time.monotonic() - started)
            return True
    outcome.failed_twice += 1
    return False


def _compare(users: Sequence[str], addresses: Sequence[str]) -> tuple[int, int]:
    """How many acknowledged ratings are missing, and for how many users the lists of the processes differ."""
    lost = different = 0
    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=address, timeout=30)) for address in addresses]
        for user in users:
            stored = clients[0].get(f"/v1/users/{user}/ratings", params={"limit": 100}).json()["items"]
            lost += _RATINGS - len(stored)
            answers = [client.get(f"/v1/users/{user}/recommendations").json()["items"] for client in clients]
            different += any(answer != answers[0] for answer in answers[1:])
    return lost, different


def page(figures: Figures) -> str:
    """The page of results."""
    where, kill = figures["environment"], figures["kill"]
    rates = figures["throughput"]
    rows = [
        [count, *(f"{own[call]:,.0f} ({own[call] / rates['1'][call]:.2f} ×)" for call in ("stateless", "storing"))]
        for count, own in rates.items()
    ]
    return f"""# Replicas

Regenerated by `python -m benchmarks.replicas --data DIR`; all figures are in replicas.json. Measured on
{figures["data"]}, {where["measured_at"]}: {where["cpu"]}, {where["cores"]} cores (load {where["load_before"]} before).

API processes share PostgreSQL and Redis. Caddy stands before them, with the configuration of deploy/caddy. Processes,
proxy, databases and clients share the cores of one machine.

## Requests a second

{CLIENTS} clients; medians of {ROUNDS} rounds of {_SECONDS} seconds.

{table(["processes", "`POST /v1/recommendations`", "`POST /v1/users/{id}/ratings`"], rows)}

## A process is killed

{KILL_CLIENTS} clients were one new user after another: each rates {_RATINGS} items and asks for a list. After a third
of {KILL_SECONDS} seconds one of three processes was killed (SIGKILL). A client sends a request again, once, if it
failed.

| | |
| --- | --: |
| requests with an answer | {kill["requests"]:,} |
| sent again | {kill["failed_once"]:,} |
| failed both times | {kill["failed_twice"]:,} |
| longest time to an answer | {kill["longest_seconds"]:.2f} s |
| acknowledged ratings that are not stored | {kill["lost_ratings"]:,} |
| users whose lists differ between the remaining processes | {kill["different_lists"]:,} of {kill["users"]:,} |

Here the processes do not count new ratings. By default each counts them every 30 seconds, at times of its own, so for
so long two processes can answer with slightly different lists.
"""


if __name__ == "__main__":
    main()
