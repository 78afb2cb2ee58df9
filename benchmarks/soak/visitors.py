"""What the visitors of the soak do, for Locust, and what they were told; `benchmarks.soak` runs it.

Each visitor asks the servers in turn and is several users, one after the other. Nobody else writes of these users, so
what must be stored of them is known after every acknowledged write; now and then it is read back at once, from the
other server. What is known at the end is written to a file.

Environment: SOAK_ADDRESSES, separated by commas; SOAK_KEY; SOAK_ITEMS, a file with a list of item ids; SOAK_RATINGS,
the levels of the scale, separated by commas; SOAK_LEDGER, the file to write.
"""

import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.contrib.fasthttp import ResponseContextManager

ADDRESSES = os.environ["SOAK_ADDRESSES"].split(",")
ITEMS: list[str] = json.loads(Path(os.environ["SOAK_ITEMS"]).read_text(encoding="utf-8"))
RATINGS = [float(level) for level in os.environ["SOAK_RATINGS"].split(",")]

ledger: dict[str, dict[str, float] | None] = {}
"""User → item → the acknowledged rating; None for an erased user. Users of a failed write are not in it."""

faults: list[str] = []
"""What should not have happened, in words."""

_visitors = itertools.count()


class Visitor(FastHttpUser):
    """Rates, asks for recommendations and candidates, changes its mind, and leaves."""

    host = ADDRESSES[0]
    wait_time = between(0.02, 0.1)
    default_headers = {"X-API-Key": os.environ["SOAK_KEY"]}  # noqa: RUF012 - Locust's

    def on_start(self) -> None:
        """Become somebody."""
        self.number = next(_visitors)
        self.random = random.Random(self.number)  # noqa: S311 - no secret
        self.servers = itertools.cycle(ADDRESSES)
        self.users = itertools.count()
        self._become_somebody()

    @task(30)
    def rate(self) -> None:
        """Rate one to three items; those that were rated before are rated anew."""
        given = {
            item_id: self.random.choice(RATINGS) for item_id in self.random.sample(ITEMS, self.random.randint(1, 3))
        }
        body = {"ratings": [{"item_id": item_id, "rating": rating} for item_id, rating in given.items()]}
        with self._ask("POST", f"/v1/users/{self.user_id}/ratings", "POST …/ratings", json=body) as answer:
            if not _is_success(answer):
                self._give_up()
                return
            self.known.update(given)
            ledger[self.user_id] = self.known
            told = {rating["item_id"]: rating["rating"] for rating in answer.json()["ratings"]}
            if told != given:
                answer.failure(f"{self.user_id}: rated {given}, answered {told}")
            elif {item["item_id"] for item in answer.json()["recommendations"]["items"]} & self.known.keys():
                answer.failure(f"{self.user_id}: recommended what was rated")

    @task(30)
    def get_recommendations(self) -> None:
        """The list of a stored user."""
        if self.known:
            with self._ask("GET", f"/v1/users/{self.user_id}/recommendations", "GET …/recommendations") as answer:
                if _is_success(answer) and {item["item_id"] for item in answer.json()["items"]} & self.known.keys():
                    answer.failure(f"{self.user_id}: recommended what was rated")

    @task(10)
    def recommend_without_storing(self) -> None:
        """A list for somebody who is not stored."""
        chosen = self.random.sample(ITEMS, 5)
        body = {"ratings": [{"item_id": item_id, "rating": self.random.choice(RATINGS)} for item_id in chosen]}
        with self._ask("POST", "/v1/recommendations", "POST /v1/recommendations", json=body):
            pass

    @task(10)
    def get_candidates(self) -> None:
        """What to ask about next."""
        strategy = self.random.choice(["gradient_popularity", "sequential"])
        path = f"/v1/candidates?n=5&strategy={strategy}&user_id={self.user_id}"
        with self._ask("GET", path, "GET /v1/candidates"):
            pass

    @task(5)
    def skip(self) -> None:
        """Say of an item that it cannot be rated."""
        body = {"item_ids": [self.random.choice(ITEMS)]}
        with self._ask("POST", f"/v1/users/{self.user_id}/skips", "POST …/skips", json=body) as answer:
            if not _is_success(answer):
                self._give_up()
            else:
                ledger[self.user_id] = self.known

    @task(3)
    def delete_rating(self) -> None:
        """Take a rating back."""
        if self.known:
            item_id = self.random.choice(sorted(self.known))
            with self._ask("DELETE", f"/v1/users/{self.user_id}/ratings/{item_id}", "DELETE …/ratings/{id}") as answer:
                if not _is_success(answer):
                    self._give_up()
                else:
                    del self.known[item_id]

    @task(8)
    def read_back(self) -> None:
        """All ratings that were acknowledged are there, and no others."""
        if self.known:
            with self._ask("GET", f"/v1/users/{self.user_id}/ratings?limit=500", "GET …/ratings") as answer:
                if _is_success(answer):
                    stored = {rating["item_id"]: rating["rating"] for rating in answer.json()["items"]}
                    if stored != self.known:
                        answer.failure(f"{self.user_id}: stored is not what was acknowledged")

    @task(3)
    def search(self) -> None:
        """Look for an item by its title."""
        with self._ask("GET", "/v1/items?query=a&limit=20", "GET /v1/items"):
            pass

    @task(2)
    def leave(self) -> None:
        """Go, and come back as somebody else."""
        self._become_somebody()

    @task(1)
    def be_erased(self) -> None:
        """Have everything forgotten, and come back as somebody else."""
        if self.user_id in ledger:
            with self._ask("DELETE", f"/v1/users/{self.user_id}", "DELETE /v1/users/{id}") as answer:
                if not _is_success(answer):
                    self._give_up()
                else:
                    ledger[self.user_id] = None
                    self._become_somebody()

    def _ask(self, method: str, path: str, name: str, **options: Any) -> ResponseContextManager:  # noqa: ANN401 - Locust's
        return self.client.request(method, next(self.servers) + path, name=name, catch_response=True, **options)

    def _become_somebody(self) -> None:
        self.user_id = f"visitor-{self.number}-{next(self.users)}"
        self.known: dict[str, float] = {}

    def _give_up(self) -> None:
        """Be somebody else: nobody knows what a failed write has done."""
        ledger.pop(self.user_id, None)
        self._become_somebody()


def _is_success(answer: ResponseContextManager) -> bool:
    return 200 <= answer.status_code < 300  # it is 0 without an answer


@events.request.add_listener
def note_failure(name: str, exception: BaseException | None, **_: object) -> None:
    """A request that was not answered as it should have been."""
    if exception is not None:
        faults.append(f"{name}: {exception}")


@events.user_error.add_listener
def note_fault(exception: BaseException, **_: object) -> None:
    """An answer that a visitor cannot make sense of, or a fault of the visitor; Locust itself does not count it."""
    faults.append(repr(exception))


@events.quitting.add_listener
def write_ledger(**_: object) -> None:
    """When all visitors have gone."""
    Path(os.environ["SOAK_LEDGER"]).write_text(json.dumps({"users": ledger, "faults": faults}), encoding="utf-8")
