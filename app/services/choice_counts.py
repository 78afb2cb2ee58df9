"""Counts of recent choices, which requests share for some seconds."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.storage.choice_counts import PeriodCounts, count_choices
from app.storage.database import Database

_REST = 20
"""A count is kept for at least 20 times as long as it took, so that counting stays cheap."""

_MOST_KEPT = 16
"""The most counts in memory. Each has a number for every item that was chosen."""


@dataclass(frozen=True)
class _Counted:
    counts: Mapping[str, PeriodCounts]
    fresh_until: float


class ChoiceCounter:
    """Counts choices in windows that end now.

    Args:
        database: Has the ratings and interactions.
        seconds: For how long requests share a count, at least.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._kept: OrderedDict[tuple[int, tuple[str, ...]], _Counted] = OrderedDict()
        self._counting = asyncio.Lock()

    async def count(self, days: int, kinds: Collection[str]) -> Mapping[str, PeriodCounts]:
        """How many users chose each item in the last days, and in as many days before; see `count_choices`."""
        key = days, tuple(sorted(kinds))
        async with self._counting:  # one count at a time, and concurrent requests share it
            kept = self._kept.pop(key, None)
            if kept is None or time.monotonic() >= kept.fresh_until:
                started = time.monotonic()
                async with self._database.read() as session:
                    counts = await count_choices(session, timedelta(days=days), kinds)
                ended = time.monotonic()
                kept = _Counted(counts, ended + max(self._seconds, _REST * (ended - started)))
            self._kept[key] = kept
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept.counts
