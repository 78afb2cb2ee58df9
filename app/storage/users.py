"""Users in the database."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import User
from app.storage.upsert import insert


class UserRepository:
    """Reads and writes users.

    A transaction that changes a user's ratings or skips calls `save` or `touch` first: both lock the user's row, so
    such transactions of one user follow each other and cannot deadlock.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: str) -> User | None:
        """The user, if known."""
        return await self._session.get(User, user_id)

    async def save(self, user_id: str, attributes: dict[str, Any] | None) -> None:
        """Create or change a user; without attributes a known user keeps the old ones."""
        revision = _revision()
        changes: dict[str, Any] = {"revision": revision}
        if attributes is not None:
            changes["attributes"] = attributes
        statement = insert(self._session, User).values(
            id=user_id, attributes=attributes or {}, revision=revision, created_at=datetime.now(UTC)
        )
        await self._session.execute(statement.on_conflict_do_update(index_elements=[User.id], set_=changes))

    async def touch(self, user_id: str) -> bool:
        """Give a user a new revision; False if the user is unknown."""
        statement = update(User).where(User.id == user_id).values(revision=_revision()).returning(User.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def delete(self, user_id: str) -> bool:
        """Erase a user with ratings and skips; False if the user is unknown."""
        statement = delete(User).where(User.id == user_id).returning(User.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None


def _revision() -> str:
    return uuid4().hex
