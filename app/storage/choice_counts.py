"""How many users chose each item in two periods: a window that ends now, and the period of the same length before."""

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import case, func, literal, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage import clock
from app.storage.tables import Base


class PeriodCounts(NamedTuple):
    """How many users chose an item.

    Attributes:
        recent: In the window.
        former: In the period of the same length before the window.
    """

    recent: int
    former: int


async def count_choices(session: AsyncSession, window: timedelta, kinds: Collection[str]) -> dict[str, PeriodCounts]:
    """How many users rated each item, or interacted with it in one of these kinds, in the window and before.

    Each user counts once for an item and a period. Items without choices in either are left out.
    """
    now = await clock.now(session)
    start, former_start = now - window, now - 2 * window
    each = union(
        *(
            select(
                table.c.item_id, table.c.user_id, case((moment >= start, literal(1)), else_=literal(0)).label("recent")
            ).where(moment >= former_start, *conditions)
            for table, moment, conditions in (
                (_ratings, _ratings.c.rated_at, ()),
                (_interactions, _interactions.c.occurred_at, (_interactions.c.kind.in_(kinds),)),
            )
        )
    ).subquery()
    recent = func.sum(each.c.recent)
    rows = await session.execute(select(each.c.item_id, recent, func.count() - recent).group_by(each.c.item_id))
    return {item_id: PeriodCounts(int(in_window), int(before)) for item_id, in_window, before in rows}


_ratings, _interactions = (Base.metadata.tables[name] for name in ("ratings", "interactions"))
