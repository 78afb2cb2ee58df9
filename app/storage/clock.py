"""The one clock that all processes of a deployment share."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.upsert import dialect_of


async def now(session: AsyncSession) -> datetime:
    """The moment by the database's clock: for whatever is compared with what another process has written.

    In PostgreSQL it goes on within a transaction. SQLite has no clock but the machine's, which its processes share.
    """
    if dialect_of(session) == "sqlite":
        return datetime.now(UTC)
    moment: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment.astimezone(UTC)
