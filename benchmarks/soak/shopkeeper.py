"""The administrator of the soak: changes items, activates models and starts evaluations."""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import httpx

_PATIENCE_SECONDS = 300
_SWAP_SECONDS = 15.0
"""Every server has to serve an activated version within this time."""

_ITEMS = 200
"""The number of ids whose items are added, changed and deleted again and again, so the catalogue does not grow."""


class Shopkeeper:
    """Does its tasks at regular intervals, and remembers the acknowledged changes.

    Attributes:
        items: Item id → the acknowledged title; None for a deleted item.
        counts: How often each task succeeded.
        swaps: Seconds from each activation until both servers served the version.
        errors: A sentence for each error.
    """

    def __init__(self, clients: Sequence[httpx.Client], versions: Sequence[str]) -> None:
        self.items: dict[str, str | None] = {}
        self.counts = {"items written": 0, "items deleted": 0, "activations": 0, "evaluations": 0}
        self.swaps: list[float] = []
        self.errors: list[str] = []
        self._clients = itertools.cycle(clients)
        self._all_clients = clients
        self._versions = itertools.cycle([*versions[1:], versions[0]])
        self._numbers = itertools.count()
        self._random = random.Random(0)  # noqa: S311 - no secret
        self._evaluations: list[str] = []
        self._swapping: tuple[str, float] | None = None
        self._tasks: list[tuple[float, Callable[[], None]]] = [
            (0.5, self._put_item),
            (10, self._put_many),
            (5, self._delete_item),
            (20, self._activate),
            (0.2, self._await_swap),
            (60, self._evaluate),
        ]
        self._due = [time.monotonic()] * len(self._tasks)

    @classmethod
    @contextmanager
    def connected(cls, addresses: Sequence[str], key: str, versions: Sequence[str]) -> Iterator[Self]:
        """A shopkeeper with a client for each server.

        Args:
            addresses: The addresses of the servers.
            key: A key with the scope admin.
            versions: Registered models, the active one first.
        """
        clients = [httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=60) for address in addresses]
        try:
            yield cls(clients, versions)
        finally:
            for client in clients:
                client.close()

    def go_on(self) -> None:
        """Do all tasks that are due."""
        for place, (seconds, task) in enumerate(self._tasks):
            if time.monotonic() >= self._due[place]:
                self._due[place] = time.monotonic() + seconds
                task()
        time.sleep(0.1)

    def await_evaluations(self) -> None:
        """Wait for all evaluations; one that did not succeed is an error."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for evaluation in self._evaluations:
            job: dict[str, Any] = {"status": "queued", "error": None}
            while job["status"] in {"queued", "running"} and time.monotonic() < deadline:
                time.sleep(0.5)
                job = self._ask("GET", f"/v1/evaluations/{evaluation}") or job
            if job["status"] != "succeeded":
                self.errors.append(f"evaluation {evaluation} is {job['status']}: {job['error']}")

    def _put_item(self) -> None:
        number = next(self._numbers)
        item_id, title = f"soak-{number % _ITEMS}", f"Soak {number}"
        if self._ask("PUT", f"/v1/items/{item_id}", json={"title": title}) is not None:
            self.items[item_id] = title
            self.counts["items written"] += 1

    def _put_many(self) -> None:
        titles = {}
        for number in itertools.islice(self._numbers, 50):
            titles[f"soak-{number % _ITEMS}"] = f"Soak {number}"
        items = [{"item_id": item_id, "title": title} for item_id, title in titles.items()]
        if self._ask("POST", "/v1/items:batch", json={"items": items}) is not None:
            self.items |= titles
            self.counts["items written"] += len(titles)

    def _delete_item(self) -> None:
        there = [item_id for item_id, title in self.items.items() if title is not None]
        if not there:
            return
        item_id = self._random.choice(there)
        if self._ask("DELETE", f"/v1/items/{item_id}") is not None:
            self.items[item_id] = None
            self.counts["items deleted"] += 1

    def _activate(self) -> None:
        version = next(self._versions)
        if self._ask("POST", f"/v1/model-versions/{version}:activate") is None:
            return
        self.counts["activations"] += 1
        self._swapping = version, time.monotonic()

    def _await_swap(self) -> None:
        """Check whether all servers serve the version that was activated last."""
        if self._swapping is None:
            return
        version, since = self._swapping
        answers = [
            self._ask("POST", "/v1/recommendations", client=client, json={"n": 1}) for client in self._all_clients
        ]
        seconds = time.monotonic() - since
        if all(answer is not None and answer["model_version"] == version for answer in answers):
            self.swaps.append(round(seconds, 1))
            self._swapping = None
        elif seconds > _SWAP_SECONDS:
            self.errors.append(f"{version} is not served by all, {seconds:.0f} s after it was activated")
            self._swapping = None

    def _evaluate(self) -> None:
        job = self._ask("POST", "/v1/evaluations", json={"states": ["user_cold"]})
        if job is not None:
            self._evaluations.append(job["evaluation_id"])
            self.counts["evaluations"] += 1

    def _ask(self, method: str, path: str, *, client: httpx.Client | None = None, **options: Any) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the answer, {} if it is empty; None after an error, which is added to `errors`."""
        try:
            answer = (client or next(self._clients)).request(method, path, **options)
        except httpx.TransportError as error:
            self.errors.append(f"{method} {path}: {error!r}")
            return None
        if not answer.is_success:
            self.errors.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return None
        return answer.json() if answer.content else {}
