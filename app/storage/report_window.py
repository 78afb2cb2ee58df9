"""The part of a model version's events and predicted ratings that its report covers, and sums over users."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    count, *sums = (await session.execute(select(*_sums(users)).where(users.c.n > 0))).one()
    return None if count == 0 else RatioSums(count, *map(float, sums))


async def grouped_user_sums(
    session: AsyncSession, users: Subquery, groups: Sequence[ColumnElement[Any]]
) -> list[tuple[tuple[Any, ...], RatioSums]]:
    """Sums over the users of each group, those with the greatest Σ n first.

    Args:
        session: To read with.
        users: A row a user and group, as in `user_sums`.
        groups: The columns of it that make a group.
    """
    statement = select(*groups, *_sums(users)).where(users.c.n > 0).group_by(*groups)
    rows = await session.execute(statement.order_by(func.sum(users.c.n).desc(), *groups))
    size = len(groups)
    return [(tuple(row[:size]), RatioSums(row[size], *map(float, row[size + 1 :]))) for row in rows]


def _sums(users: Subquery) -> list[ColumnElement[Any]]:
    """The fields of `RatioSums`."""
    n, t = users.c.n, users.c.t
    return [func.count(), func.sum(n), func.sum(t), func.sum(n * n), func.sum(t * t), func.sum(n * t)]
