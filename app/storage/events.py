"""Events in the database, and their sums for each model version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Label, String, Subquery, case, cast, delete, func, null, select, true, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.report_window import Window, grouped_user_sums, user_sums, within
from app.storage.tables import Event, EventType, PredictedRating
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
    recommendation_id: str | None = None
    scenario: str | None = None
    variant: str | None = None
    position: int | None = None


class GroupBy(StrEnum):
    """What groups showings and clicks."""

    SCENARIO = "scenario"
    """The scenario, and the variant."""

    POSITION = "position"
    """The place in the list, from 1."""

    MODEL_VERSION = "model_version"
    """The model version."""

    LIST = "list"
    """The list."""


@dataclass(frozen=True)
class ClickWindow:
    """Which events count; None means all.

    Attributes:
        scenario: Only those of lists of this scenario.
        model_version: Only those of lists of this version.
        since: Only those from then on.
        until: Only those from before.
    """

    scenario: str | None
    model_version: str | None
    since: datetime | None
    until: datetime | None


class EventRepository:
    """Reads and writes events."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, events: Sequence[EventRecord]) -> set[str]:
        """Store events, and return the ids of the new ones. An event whose id is stored already is ignored."""
        # Ordered by id, so that two transactions with the same events cannot deadlock.
        rows = [asdict(event) for event in sorted(events, key=lambda event: event.id)]
        statement = insert(dialect_of(self._session), Event).on_conflict_do_nothing(index_elements=[Event.id])
        return set(await self._session.scalars(statement.returning(Event.id), rows))

    async def counts_of(self, user_id: str) -> Mapping[tuple[EventType, str], int]:
        """How many events of each type the user has with each item; pairs without any are left out."""
        statement = (
            select(Event.type, Event.item_id, func.count())
            .where(Event.user_id == user_id)
            .group_by(Event.type, Event.item_id)
        )
        return {(EventType(kind), item_id): count for kind, item_id, count in await self._session.execute(statement)}

    async def users_before(self, moment: datetime, *, limit: int) -> Sequence[str]:
        """At most so many users who have events from before a moment."""
        statement = select(Event.user_id).where(Event.occurred_at < moment).distinct().limit(limit)
        return (await self._session.scalars(statement)).all()

    async def delete_before(self, moment: datetime, user_ids: Collection[str]) -> int:
        """Delete these users' events from before a moment, and return how many there were."""
        statement = delete(Event).where(Event.occurred_at < moment, Event.user_id.in_(user_ids))
        return len((await self._session.scalars(statement.returning(Event.id))).all())

    async def counts(self, window: Window) -> Mapping[EventType, int]:
        """The number of events of each type; types without events are left out."""
        statement = select(Event.type, func.count()).where(within(window, Event.model_version, Event.occurred_at))
        return {EventType(kind): count for kind, count in await self._session.execute(statement.group_by(Event.type))}

    async def users(self, window: Window) -> int:
        """The number of users with events or predicted ratings."""
        users = union(
            select(Event.user_id).where(within(window, Event.model_version, Event.occurred_at)),
            select(PredictedRating.user_id).where(
                within(window, PredictedRating.model_version, PredictedRating.rated_at)
            ),
        ).subquery()
        return (await self._session.execute(select(func.count()).select_from(users))).scalar_one()

    async def clicks(self, window: Window) -> RatioSums | None:
        """Clicks per showing; None if nothing was shown.

        For each user and item, clicks count at most as often as the item was shown to the user.
        """
        pairs = (
            select(Event.user_id, *_SHOWN_AND_CLICKED)
            .where(within(window, Event.model_version, Event.occurred_at))
            .group_by(Event.user_id, Event.item_id)
            .subquery()
        )
        users = select(*_showings_and_clicks(pairs)).group_by(pairs.c.user_id).subquery()
        return await user_sums(self._session, users)

    async def clicks_by(
        self, by: GroupBy, window: ClickWindow
    ) -> Sequence[tuple[tuple[str | None, str | None], RatioSums]]:
        """Clicks per showing of each group, those with the most showings first.

        Clicks are counted as by `clicks`, within the group.

        Returns:
            The group and its variant, as in `app.services.click_rates`, and its sums. Groups without showings are left
            out.
        """
        group = cast(_GROUPS[by], String).label("group")
        variant = cast(Event.variant if by is GroupBy.SCENARIO else null(), String).label("variant")
        pairs = (
            select(group, variant, Event.user_id, *_SHOWN_AND_CLICKED)
            .where(
                true() if window.scenario is None else Event.scenario == window.scenario,
                true() if window.model_version is None else Event.model_version == window.model_version,
                true() if window.since is None else Event.occurred_at >= window.since,
                true() if window.until is None else Event.occurred_at < window.until,
            )
            .group_by(group, variant, Event.user_id, Event.item_id)
            .subquery()
        )
        users = (
            select(pairs.c.group, pairs.c.variant, *_showings_and_clicks(pairs))
            .group_by(pairs.c.group, pairs.c.variant, pairs.c.user_id)
            .subquery()
        )
        return await grouped_user_sums(self._session, users, [users.c.group, users.c.variant])


_SHOWN, _CLICKED = EventType.SHOWN, EventType.CLICKED

_SHOWN_AND_CLICKED = [func.sum(case((Event.type == kind, 1), else_=0)).label(kind.value) for kind in (_SHOWN, _CLICKED)]

_GROUPS = {
    GroupBy.SCENARIO: Event.scenario,
    GroupBy.POSITION: Event.position,
    GroupBy.MODEL_VERSION: Event.model_version,
    GroupBy.LIST: Event.recommendation_id,
}


def _showings_and_clicks(pairs: Subquery) -> list[Label[int]]:
    """A user's showings n, and clicks t, of each item at most as many as showings."""
    counted = case((pairs.c.clicked < pairs.c.shown, pairs.c.clicked), else_=pairs.c.shown)
    return [func.sum(pairs.c.shown).label("n"), func.sum(counted).label("t")]
