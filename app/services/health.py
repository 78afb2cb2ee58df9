"""Health: whether this process can answer requests."""

from dataclasses import dataclass
from enum import StrEnum

from app.cache import Cache
from app.errors import DatabaseUnavailableError
from app.observability.metrics import DEPENDENCY_UP, JOBS, MODEL_CREATED, MODEL_VALIDATION_ERROR
from app.services.model_host import ModelHost
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.tables import JobStatus


class Readiness(StrEnum):
    """Whether requests are answered."""

    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class HealthReport:
    """The state of each part of the service, and of the whole.

    Attributes:
        status: Whether requests are answered.
        database: "ok" or "unavailable".
        model: The active version, why it cannot be served, or "none".
        cache: "ok" or "unavailable".
        missing: Names of the parts that do not work.
    """

    status: Readiness
    database: str
    model: str
    cache: str
    missing: tuple[str, ...]


class HealthService:
    """Checks the parts that a request needs."""

    def __init__(self, database: Database, host: ModelHost, cache: Cache) -> None:
        self._database = database
        self._host = host
        self._cache = cache

    async def report(self) -> HealthReport:
        """The state of each part. Without the cache, or with a former model, rankings are still answered."""
        traffic = self._host.traffic
        works = {
            "database": await self._database_answers(),
            "model": traffic is not None and self._host.failure is None,
            "cache": await self._cache.is_available(),
        }
        if traffic is None or not works["database"]:
            status = Readiness.UNAVAILABLE
        else:
            status = Readiness.READY if all(works.values()) else Readiness.DEGRADED
        return HealthReport(
            status=status,
            database=_state(works["database"]),
            model=self._host.failure or ("none" if traffic is None else traffic.active.model_version),
            cache=_state(works["cache"]),
            missing=tuple(part for part, well in works.items() if not well),
        )

    async def measure(self) -> None:
        """Update the gauges: metrics that show a state and do not count events."""
        report = await self.report()
        for part in ("database", "model", "cache"):
            DEPENDENCY_UP.labels(part).set(part not in report.missing)
        if (traffic := self._host.traffic) is not None:
            manifest = traffic.active.recommender.model.manifest
            MODEL_CREATED.set(manifest.created_at.timestamp())
            if (error := manifest.metrics.get("validation_mae")) is not None:
                MODEL_VALIDATION_ERROR.set(error)
        if "database" not in report.missing:
            await self._measure_jobs()

    async def _measure_jobs(self) -> None:
        try:
            async with self._database.read() as session:
                counts = await JobRepository(session).count_by_status()
        except DatabaseUnavailableError:
            return  # it went away after the report
        for status in JobStatus:
            JOBS.labels(status).set(counts.get(status, 0))

    async def _database_answers(self) -> bool:
        try:
            async with self._database.read() as session:
                await CurrentVersionsRepository(session).current()
        except DatabaseUnavailableError:
            return False
        return True


def _state(works: bool) -> str:
    return "ok" if works else "unavailable"
