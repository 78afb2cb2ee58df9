"""The part of a model version's events and predicted ratings that its report covers, and sums over users."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.metrics.ratio import RatioSums


@dataclass(frozen=True)
class Window:
    """A model version and a time, from `since` (inclusive) to `until` (exclusive); None means unlimited."""

    model_version: str
    since: datetime | None
    until: datetime | None


def within(
    window: Window, version: InstrumentedAttribute[str], moment: InstrumentedAttribute[datetime]
) -> ColumnElement[bool]:
    """The condition that a row belongs to the window's version and time."""
    return and_(
        version == window.model_version,
        true() if window.since is None else moment >= window.since,
        true() if window.until is None else moment < window.until,
    )


async def user_sums(session: AsyncSession, users: Subquery) -> RatioSums | None:
    """Sums over users; None without any.

    Args:
        session: To read with.
        users: A row a user: `n`, how many rows the user has, and `t`, the sum of what they hold.
    """
    n, t = users.c.n, users.c.t
    statement = select(func.count(), func.sum(n), func.sum(t), func.sum(n * n), func.sum(t * t), func.sum(n * t)).where(
        n > 0
    )
    count, *sums = (await session.execute(statement)).one()
    return None if count == 0 else RatioSums(count, *map(float, sums))
