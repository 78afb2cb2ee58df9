"""API keys in the database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import APIKey, KeyScope
from app.storage.upsert import dialect_of, insert


class APIKeyRepository:
    """Reads and writes API keys."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, name: str, scope: KeyScope, digest: str) -> bool:
        """Store a new key; False if there is or was one of that name."""
        statement = insert(dialect_of(self._session), APIKey).values(
            name=name, scope=scope, digest=digest, created_at=datetime.now(UTC)
        )
        statement = statement.on_conflict_do_nothing(index_elements=[APIKey.name])
        return (await self._session.execute(statement.returning(APIKey.name))).scalar_one_or_none() is not None

    async def all(self) -> Sequence[APIKey]:
        """All keys, including revoked ones, oldest first."""
        return (await self._session.scalars(select(APIKey).order_by(APIKey.created_at, APIKey.name))).all()

    async def valid(self) -> dict[str, tuple[str, KeyScope]]:
        """Name and scope of every key that is not revoked, by digest."""
        statement = select(APIKey.digest, APIKey.name, APIKey.scope).where(APIKey.revoked_at.is_(None))
        return {row.digest: (row.name, KeyScope(row.scope)) for row in await self._session.execute(statement)}

    async def revoke(self, name: str) -> bool:
        """Revoke a key; False if there is no such key, or it is revoked already."""
        statement = update(APIKey).where(APIKey.name == name, APIKey.revoked_at.is_(None))
        statement = statement.values(revoked_at=datetime.now(UTC))
        return (await self._session.execute(statement.returning(APIKey.name))).scalar_one_or_none() is not None

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Store when keys were last used, by name; an earlier moment than the stored one changes nothing.

        Rows are changed in the order of their names, so that replicas which note uses together cannot deadlock.
        """
        for name, used_at in sorted(uses.items()):
            older = or_(APIKey.last_used_at.is_(None), APIKey.last_used_at < used_at)
            await self._session.execute(update(APIKey).where(APIKey.name == name, older).values(last_used_at=used_at))
