"""How much is stored."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Answer, Interaction, Item, Rating, User


class StoredCounts(NamedTuple):
    """Numbers of rows; items without deleted ones."""

    users: int
    items: int
    ratings: int
    interactions: int
    answers: int


async def stored_counts(session: AsyncSession) -> StoredCounts:
    """Count what is stored. It reads all rows of an index, which takes seconds from some ten million rows on."""
    counted = (
        select(func.count()).select_from(User),
        select(func.count()).select_from(Item).where(Item.deleted.is_(False)),
        select(func.count()).select_from(Rating),
        select(func.count()).select_from(Interaction),
        select(func.count()).select_from(Answer),
    )
    return StoredCounts(*(await session.execute(select(*(each.scalar_subquery() for each in counted)))).one())
