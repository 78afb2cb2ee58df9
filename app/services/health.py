"""Whether this process can do its work."""

from dataclasses import dataclass
from enum import StrEnum

from app.cache import Cache
from app.errors import DatabaseUnavailableError, NoActiveModelError
from app.services.model_host import ModelHost
from app.storage.database import Database
from app.storage.versions import Versions, VersionsRepository


class Readiness(StrEnum):
    """What requests may expect."""

    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class HealthReport:
    """The state of each part, and what follows from them."""

    status: Readiness
    database: str
    model: str
    cache: str


class Health:
    """Looks after the parts that a request needs."""

    def __init__(self, database: Database, host: ModelHost, cache: Cache) -> None:
        self._database = database
        self._host = host
        self._cache = cache

    async def report(self) -> HealthReport:
        """The state of each part. Without a cache, or with a former model, requests are still answered."""
        versions = await self._versions()
        model = None if versions is None else await self._model(versions)
        cache = await self._cache.is_available()
        if versions is None or model is None:
            status = Readiness.UNAVAILABLE
        elif cache and self._host.failure is None:
            status = Readiness.READY
        else:
            status = Readiness.DEGRADED
        return HealthReport(
            status=status,
            database="ok" if versions is not None else "unavailable",
            model=self._host.failure or model or "none",
            cache="ok" if cache else "unavailable",
        )

    async def _versions(self) -> Versions | None:
        try:
            async with self._database.read() as session:
                return await VersionsRepository(session).current()
        except DatabaseUnavailableError:
            return None

    async def _model(self, versions: Versions) -> str | None:
        try:
            return (await self._host.at(versions)).model_version
        except NoActiveModelError:
            return None
