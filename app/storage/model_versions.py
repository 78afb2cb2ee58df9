"""Registered model versions in the database."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import ModelVersion
from app.storage.upsert import dialect_of, insert


class ModelVersionRepository:
    """Reads and writes model versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, version_id: str) -> ModelVersion | None:
        """The version, if registered."""
        return await self._session.get(ModelVersion, version_id)

    async def known(self, version_ids: Collection[str]) -> set[str]:
        """Those of the ids that are registered."""
        return set(await self._session.scalars(select(ModelVersion.id).where(ModelVersion.id.in_(version_ids))))

    async def register(self, *, version_id: str, path: str, manifest: dict[str, object], created_at: datetime) -> None:
        """Register a version. One that is registered already is loaded from the new path from now on."""
        statement = insert(dialect_of(self._session), ModelVersion).values(
            id=version_id,
            path=path,
            manifest=manifest,
            created_at=created_at,
            registered_at=datetime.now(UTC),
        )
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=[ModelVersion.id], set_={"path": path})
        )

    async def mark_activated(self, version_id: str) -> datetime:
        """Store that a version is activated now, and return the time."""
        now = datetime.now(UTC)
        await self._session.execute(update(ModelVersion).where(ModelVersion.id == version_id).values(activated_at=now))
        return now

    async def page(self, *, after: str | None, limit: int) -> Sequence[ModelVersion]:
        """Versions, last registered first, after the version `after`."""
        statement = select(ModelVersion).order_by(ModelVersion.registered_at.desc(), ModelVersion.id.desc())
        if after is not None:
            position = (
                select(ModelVersion.registered_at, ModelVersion.id).where(ModelVersion.id == after).scalar_subquery()
            )
            statement = statement.where(tuple_(ModelVersion.registered_at, ModelVersion.id) < position)
        return (await self._session.scalars(statement.limit(limit))).all()
