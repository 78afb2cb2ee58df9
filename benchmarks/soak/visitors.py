"""The visitors of the soak, for Locust, and a ledger of acknowledged writes. `benchmarks.soak` runs this file.

A visitor sends its requests to the servers in turn, and is several users, one after the other. No other process writes
for these users, so after every acknowledged write it is known what must be stored. Now and then the ratings are read
back at once from the other server. The ledger is written to a file at the end.

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
"""User id → item id → the acknowledged rating; None for a deleted user. Users with a failed write are missing."""

faults: list[str] = []
"""A sentence for each wrong answer."""

_visitors = itertools.count()


class Visitor(FastHttpUser):
    """Adds, changes and deletes ratings, and requests recommendations and candidates."""

    host = ADDRESSES[0]
    wait_time = between(0.02, 0.1)
    default_headers = {"X-API-Key": os.environ["SOAK_KEY"]}  # noqa: RUF012 - Locust's

    def on_start(self) -> None:
        """Start as a new user."""
        self.number = next(_visitors)
        self.random = random.Random(self.number)  # noqa: S311 - no secret
        self.servers = itertools.cycle(ADDRESSES)
        self.users = itertools.count()
        self._become_new_user()

    @task(30)
    def rate(self) -> None:
        """Rate one to three items, rated ones too."""
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
            answered = {rating["item_id"]: rating["rating"] for rating in answer.json()["ratings"]}
            if answered != given:
                answer.failure(f"{self.user_id}: rated {given}, answered {answered}")
            elif {item["item_id"] for item in answer.json()["recommendations"]["items"]} & self.known.keys():
                answer.failure(f"{self.user_id}: recommended what was rated")

    @task(30)
    def get_recommendations(self) -> None:
        """Get the list of a stored user."""
        if self.known:
            with self._ask("GET", f"/v1/users/{self.user_id}/recommendations", "GET …/recommendations") as answer:
                if _is_success(answer) and {item["item_id"] for item in answer.json()["items"]} & self.known.keys():
                    answer.failure(f"{self.user_id}: recommended what was rated")

    @task(10)
    def recommend_without_storing(self) -> None:
        """Get a list for a user who is not stored."""
        chosen = self.random.sample(ITEMS, 5)
        body = {"ratings": [{"item_id": item_id, "rating": self.random.choice(RATINGS)} for item_id in chosen]}
        with self._ask("POST", "/v1/recommendations", "POST /v1/recommendations", json=body):
            pass

    @task(10)
    def get_candidates(self) -> None:
        """Get candidates for elicitation."""
        strategy = self.random.choice(["gradient_popularity", "sequential"])
        path = f"/v1/candidates?n=5&strategy={strategy}&user_id={self.user_id}"
        with self._ask("GET", path, "GET /v1/candidates"):
            pass

    @task(5)
    def skip(self) -> None:
        """Skip an item."""
        body = {"item_ids": [self.random.choice(ITEMS)]}
        with self._ask("POST", f"/v1/users/{self.user_id}/skips", "POST …/skips", json=body) as answer:
            if not _is_success(answer):
                self._give_up()
            else:
                ledger[self.user_id] = self.known

    @task(3)
    def delete_rating(self) -> None:
        """Delete a rating."""
        if self.known:
            item_id = self.random.choice(sorted(self.known))
            with self._ask("DELETE", f"/v1/users/{self.user_id}/ratings/{item_id}", "DELETE …/ratings/{id}") as answer:
                if not _is_success(answer):
                    self._give_up()
                else:
                    del self.known[item_id]

    @task(8)
    def read_back(self) -> None:
        """Check that exactly the acknowledged ratings are stored."""
        if self.known:
            with self._ask("GET", f"/v1/users/{self.user_id}/ratings?limit=500", "GET …/ratings") as answer:
                if _is_success(answer):
                    stored = {rating["item_id"]: rating["rating"] for rating in answer.json()["items"]}
                    if stored != self.known:
                        answer.failure(f"{self.user_id}: stored is not what was acknowledged")

    @task(3)
    def search(self) -> None:
        """Search for items by title."""
        with self._ask("GET", "/v1/items?query=a&limit=20", "GET /v1/items"):
            pass

    @task(2)
    def leave(self) -> None:
        """Continue as a new user."""
        self._become_new_user()

    @task(1)
    def delete_user(self) -> None:
        """Delete the user, and continue as a new one."""
        if self.user_id in ledger:
            with self._ask("DELETE", f"/v1/users/{self.user_id}", "DELETE /v1/users/{id}") as answer:
                if not _is_success(answer):
                    self._give_up()
                else:
                    ledger[self.user_id] = None
                    self._become_new_user()

    def _ask(self, method: str, path: str, name: str, **options: Any) -> ResponseContextManager:  # noqa: ANN401 - Locust's
        return self.client.request(method, next(self.servers) + path, name=name, catch_response=True, **options)

    def _become_new_user(self) -> None:
        self.user_id = f"visitor-{self.number}-{next(self.users)}"
        self.known: dict[str, float] = {}

    def _give_up(self) -> None:
        """Continue as a new user, because it is not known what a failed write has stored."""
        ledger.pop(self.user_id, None)
        self._become_new_user()


def _is_success(answer: ResponseContextManager) -> bool:
    return 200 <= answer.status_code < 300  # the status is 0 without an answer


@events.request.add_listener
def note_failure(name: str, exception: BaseException | None, **_: object) -> None:
    """Record a request with a wrong answer."""
    if exception is not None:
        faults.append(f"{name}: {exception}")


@events.user_error.add_listener
def note_fault(exception: BaseException, **_: object) -> None:
    """Record an exception in a task, such as an answer of another form; Locust itself does not count it."""
    faults.append(repr(exception))


@events.quitting.add_listener
def write_ledger(**_: object) -> None:
    """Write the ledger after all visitors have stopped."""
    Path(os.environ["SOAK_LEDGER"]).write_text(json.dumps({"users": ledger, "faults": faults}), encoding="utf-8")
