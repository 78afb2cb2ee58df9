"""The overview for operators: how much is stored, what serves, and what is wrong."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.observability.recent import LISTS
from app.services.health import HealthService
from app.storage.current_versions import CurrentVersionsRepository, Versions
from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.overview import StoredCounts, stored_counts

_REST = 20
"""Counted numbers are kept for 20 times the duration of counting. So counting takes at most a twentieth of the time."""

_RECENT = timedelta(days=1)
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Overview:
    """The state of the service.

    Attributes:
        counts: How much is stored.
        lists_per_minute: Lists of recommendations that this process answered with in the last minute.
        versions: The versions that serve.
        problems: What is wrong, in sentences.
    """

    counts: StoredCounts
    lists_per_minute: int
    versions: Versions
    problems: Sequence[str]


class OverviewService:
    """Makes the overview."""

    def __init__(self, database: Database, health: HealthService) -> None:
        self._database = database
        self._health = health
        self._counted: tuple[float, StoredCounts] | None = None

    async def overview(self) -> Overview:
        """The present state."""
        counts = await self._counts()
        async with self._database.read() as session:
            versions = await CurrentVersionsRepository(session).current()
        return Overview(counts, LISTS.in_last_minute, versions, await self._problems())

    async def _counts(self) -> StoredCounts:
        started = time.monotonic()
        if self._counted is not None and started < self._counted[0]:
            return self._counted[1]
        async with self._database.read() as session:
            counts = await stored_counts(session)
        ended = time.monotonic()
        self._counted = ended + _REST * (ended - started), counts
        return counts

    async def _problems(self) -> list[str]:
        report = await self._health.report()
        problems = []
        if "model" in report.missing:
            problems.append("No model serves." if report.model == "none" else f"The version {report.model}.")
        if "cache" in report.missing:
            problems.append("The cache does not answer, so every list is computed again.")
        async with self._database.read() as session:
            jobs = JobRepository(session)
            if failed := await jobs.count_failed(within=_RECENT):
                problems.append(f"Jobs that failed in the last 24 hours: {failed}.")
            if waiting := await jobs.count_waiting(longer_than=_PATIENCE):
                problems.append(f"Jobs that no worker has started for two minutes: {waiting}.")
        return problems
