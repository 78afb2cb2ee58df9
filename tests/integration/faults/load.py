"""Clients that rate as fast as they are answered, and remember what they were told."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.waiting import PATIENCE_SECONDS, until


class Load:
    """What several clients have been answered.

    Attributes:
        acknowledged: Ids of the users whose rating was answered with 200. Every request is about another user, so that
            what is stored tells which requests were.
        statuses: How often each status was the answer.
    """

    def __init__(self, address: str, clients: int) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._address = address
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._rate, args=(number,)) for number in range(clients)]

    def start(self) -> None:
        """Begin to rate."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End as soon as each client has its answer, or nobody gives it one."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Return when no client is left: each goes when its connection is closed on it."""
        for thread in self._threads:
            thread.join()

    def until(self, condition: Callable[[], bool]) -> None:
        """Go on until the condition holds."""
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
    """Clients at work, who stop when the block ends."""
    load = Load(address, clients)
    load.start()
    try:
        yield load
    finally:
        load.stop()
