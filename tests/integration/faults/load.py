"""Clients that send ratings one after the other, and remember the answers."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.waiting import PATIENCE_SECONDS, until


class Load:
    """Several clients that send ratings, and the answers they got.

    Attributes:
        acknowledged: Ids of the users whose rating was answered with 200. Every request has another user, so the stored
            users show which requests were stored.
        statuses: How often each status was answered.
    """

    def __init__(self, address: str, clients: int) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._address = address
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._rate, args=(number,)) for number in range(clients)]

    def start(self) -> None:
        """Start all clients."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the clients after their current request."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until all clients have ended; a client ends when its connection is closed."""
        for thread in self._threads:
            thread.join()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition is true; fail if all clients end before."""
        until(lambda: condition() or not any(thread.is_alive() for thread in self._threads))
        assert any(thread.is_alive() for thread in self._threads), f"the server has gone; {self.statuses}"

    def _rate(self, client_number: int) -> None:
        with httpx.Client(base_url=self._address, timeout=PATIENCE_SECONDS) as client:
            number = 0
            while not self._stopping.is_set():
                user_id = f"user-{client_number}-{number}"
                number += 1
                body = {"ratings": [{"item_id": "i1", "rating": 5}]}
                try:
                    answer = client.post(f"/v1/users/{user_id}/ratings", json=body)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    return
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    self.acknowledged.add(user_id)
                else:
                    time.sleep(0.01)


@contextmanager
def load(address: str, *, clients: int = 6) -> Iterator[Load]:
    """Run clients until the block ends."""
    load = Load(address, clients)
    load.start()
    try:
        yield load
    finally:
        load.stop()
