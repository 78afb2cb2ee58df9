"""Events and predicted ratings in the database, and their sums for each model version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, and_, case, func, select, true, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.storage.tables import Event, EventType, PredictedRating, User
from app.storage.upsert import dialect_of, insert
from models.metrics.ratio import RatioSums


@dataclass(frozen=True)
class EventRecord:
    """An event as it is stored."""

    id: str
    type: EventType
    model_version: str
    user_id: str
    item_id: str
    rating: float | None
    occurred_at: datetime


@dataclass(frozen=True)
class PredictedRatingRecord:
    """A rating and its prediction as they are stored."""

    model_version: str
    user_id: str
    item_id: str
    rating: float
    predicted: float
    rated_at: datetime


@dataclass(frozen=True)
class Window:
    """A version's events and ratings of a time: from `since` on, and before `until`; None is no end."""

    model_version: str
    since: datetime | None
    until: datetime | None


class EventRepository:
    """Reads and writes events."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, events: Sequence[EventRecord]) -> set[str]:
        """Store events and return the ids of the new ones; one whose id is known stays what it is."""
        # In the order of their ids, so that two transactions with events in common cannot deadlock.
        rows = [asdict(event) for event in sorted(events, key=lambda event: event.id)]
        statement = insert(dialect_of(self._session), Event).on_conflict_do_nothing(index_elements=[Event.id])
        return set(await self._session.scalars(statement.returning(Event.id), rows))

    async def counts(self, window: Window) -> Mapping[EventType, int]:
        """How many events there are of each type; those of which there are none are left out."""
        statement = select(Event.type, func.count()).where(_within(window, Event.model_version, Event.occurred_at))
        return {EventType(kind): count for kind, count in await self._session.execute(statement.group_by(Event.type))}

    async def users(self, window: Window) -> int:
        """How many users there are events or predicted ratings of."""
        users = union(
            select(Event.user_id).where(_within(window, Event.model_version, Event.occurred_at)),
            select(PredictedRating.user_id).where(
                _within(window, PredictedRating.model_version, PredictedRating.rated_at)
            ),
        ).subquery()
        return (await self._session.execute(select(func.count()).select_from(users))).scalar_one()

    async def clicks(self, window: Window) -> RatioSums | None:
        """Clicks per showing; None without any.

        Of one item, no more clicks of a user count than it was shown to that user.
        """
        shown, clicked = (func.sum(case((Event.type == kind, 1), else_=0)) for kind in (_SHOWN, _CLICKED))
        pairs = (
            select(Event.user_id, shown.label("shown"), clicked.label("clicked"))
            .where(_within(window, Event.model_version, Event.occurred_at))
            .group_by(Event.user_id, Event.item_id)
            .subquery()
        )
        counted = case((pairs.c.clicked < pairs.c.shown, pairs.c.clicked), else_=pairs.c.shown)
        users = (
            select(func.sum(pairs.c.shown).label("n"), func.sum(counted).label("t"))
            .group_by(pairs.c.user_id)
            .subquery()
        )
        return await _sums(self._session, users)


class PredictedRatingRepository:
    """Reads and writes ratings with their predictions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, ratings: Collection[PredictedRatingRecord], *, replace: bool) -> None:
        """Store ratings of users that are known; whether they replace earlier ones of the same items is to be said."""
        user_ids = {rating.user_id for rating in ratings}
        # Locked, so that nobody is erased meanwhile; in their order, so that two transactions cannot deadlock.
        known = (
            select(User.id).where(User.id.in_(user_ids)).order_by(User.id).with_for_update(read=True, key_share=True)
        )
        users = set(await self._session.scalars(known))
        rows = {
            (rating.model_version, rating.user_id, rating.item_id): asdict(rating)
            for rating in ratings
            if rating.user_id in users
        }
        if not rows:
            return
        statement = insert(dialect_of(self._session), PredictedRating)
        key = [PredictedRating.model_version, PredictedRating.user_id, PredictedRating.item_id]
        if replace:
            values = {name: statement.excluded[name] for name in ("rating", "predicted", "rated_at")}
            statement = statement.on_conflict_do_update(index_elements=key, set_=values)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=key)
        await self._session.execute(statement, [rows[place] for place in sorted(rows)])

    async def errors(self, window: Window) -> RatioSums | None:
        """Absolute errors per rating; None without any."""
        users = (
            select(
                func.count().label("n"),
                func.sum(func.abs(PredictedRating.rating - PredictedRating.predicted)).label("t"),
            )
            .where(_within(window, PredictedRating.model_version, PredictedRating.rated_at))
            .group_by(PredictedRating.user_id)
            .subquery()
        )
        return await _sums(self._session, users)


_SHOWN, _CLICKED = EventType.SHOWN, EventType.CLICKED


def _within(
    window: Window, version: InstrumentedAttribute[str], moment: InstrumentedAttribute[datetime]
) -> ColumnElement[bool]:
    return and_(
        version == window.model_version,
        true() if window.since is None else moment >= window.since,
        true() if window.until is None else moment < window.until,
    )


async def _sums(session: AsyncSession, users: Subquery) -> RatioSums | None:
    """Over users, each with rows n and what is in them t."""
    n, t = users.c.n, users.c.t
    statement = select(func.count(), func.sum(n), func.sum(t), func.sum(n * n), func.sum(t * t), func.sum(n * t)).where(
        n > 0
    )
    count, *sums = (await session.execute(statement)).one()
    return None if count == 0 else RatioSums(count, *map(float, sums))
