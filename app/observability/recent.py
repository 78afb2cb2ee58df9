"""What happened in this process in the last minute."""

import time
from collections import deque
from collections.abc import Callable

_SECONDS = 60


class RecentCount:
    """Counts what happened in the last 60 seconds, by whole seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_second: deque[tuple[int, int]] = deque()

    def count(self) -> None:
        """Count one more."""
        second = int(self._clock())
        before = self._by_second.pop()[1] if self._by_second and self._by_second[-1][0] == second else 0
        self._by_second.append((second, before + 1))
        self._forget()

    @property
    def in_last_minute(self) -> int:
        """How many there were in the last minute."""
        self._forget()
        return sum(number for _, number in self._by_second)

    def _forget(self) -> None:
        oldest = int(self._clock()) - _SECONDS
        while self._by_second and self._by_second[0][0] <= oldest:
            self._by_second.popleft()


LISTS = RecentCount()
"""Lists of recommendations that this process answered with."""
