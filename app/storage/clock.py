"""The clock that all processes of a deployment share: the database's."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.upsert import dialect_of


async def now(session: AsyncSession) -> datetime:
    """The time by the database's clock. Use it for times that are compared with times of other processes.

    In PostgreSQL it advances within a transaction. SQLite uses the clock of the machine, which its processes share.
    """
    if dialect_of(session) == "sqlite":
        return datetime.now(UTC)
    moment: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment.astimezone(UTC)
