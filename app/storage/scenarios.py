"""Scenarios in the database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Scenario
from app.storage.upsert import dialect_of, insert


class ScenarioRepository:
    """Reads and writes scenarios."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, name: str) -> Scenario | None:
        """The scenario, if there is one."""
        return await self._session.get(Scenario, name)

    async def save(self, name: str, settings: Mapping[str, Any]) -> None:
        """Create or replace a scenario."""
        row = {"settings": dict(settings), "updated_at": datetime.now(UTC)}
        statement = insert(dialect_of(self._session), Scenario).values(name=name, **row)
        await self._session.execute(statement.on_conflict_do_update(index_elements=[Scenario.name], set_=row))

    async def page(self, *, after: str | None, limit: int) -> Sequence[Scenario]:
        """Scenarios, ordered by name, after the name `after`."""
        statement = select(Scenario).order_by(Scenario.name).limit(limit)
        if after is not None:
            statement = statement.where(Scenario.name > after)
        return (await self._session.scalars(statement)).all()

    async def delete(self, name: str) -> bool:
        """Delete a scenario; False if there is none."""
        statement = delete(Scenario).where(Scenario.name == name).returning(Scenario.name)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None
