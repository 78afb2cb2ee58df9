"""Interactions in the database: what users did with items without rating them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage import clock
from app.storage.tables import Base, Interaction
from app.storage.upsert import dialect_of, insert


@dataclass(frozen=True)
class InteractionRecord:
    """A user's interaction with an item.

    Attributes:
        item_id: The item.
        kind: What the user did, such as `purchase`.
        occurred_at: When. None is allowed only before the interaction is stored: it happened when it arrived.
    """

    item_id: str
    kind: str
    occurred_at: datetime | None


@dataclass(frozen=True)
class InteractionEvent(InteractionRecord):
    """An interaction as it is stored, with its id among the user's interactions."""

    event_id: str


class InteractionRepository:
    """Reads and writes interactions. Writers lock the user's row first (see `UserRepository`).

    Event ids are unique among one user's interactions. So a client needs to know of no other client's ids, and nobody
    learns from an answer that another user has an event of that id.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(
        self, interactions: Iterable[tuple[str, InteractionEvent]]
    ) -> Mapping[tuple[str, str], InteractionEvent]:
        """Store interactions of known users, by user id. One whose event id the user has already is ignored.

        One from the future counts as of now, as ratings do.

        Returns:
            The stored interactions with these ids, by user id and event id.
        """
        interactions = list(interactions)
        if not interactions:
            return {}
        now = await clock.now(self._session)
        given: dict[tuple[str, str], InteractionEvent] = {}
        for user_id, each in interactions:
            moment = now if each.occurred_at is None else min(each.occurred_at, now)
            record = InteractionEvent(each.item_id, each.kind, moment, each.event_id)
            given.setdefault((user_id, each.event_id), record)
        statement = (
            insert(dialect_of(self._session), _interactions)
            .on_conflict_do_nothing(index_elements=[_interactions.c.user_id, _interactions.c.event_id])
            .returning(_interactions.c.user_id, _interactions.c.event_id)
        )
        rows = [
            {
                "user_id": user_id,
                "event_id": event_id,
                "item_id": record.item_id,
                "kind": record.kind,
                "occurred_at": record.occurred_at,
            }
            for (user_id, event_id), record in given.items()
        ]
        new = {(user_id, event_id) for user_id, event_id in await self._session.execute(statement, rows)}
        return {**given, **await self._stored([key for key in given if key not in new])}

    async def items_of(self, user_id: str) -> Sequence[str]:
        """The ids of all items with which a user has interacted."""
        statement = select(Interaction.item_id).where(Interaction.user_id == user_id).distinct()
        return (await self._session.scalars(statement)).all()

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[InteractionEvent]:
        """A user's interactions, ordered by event id, after the event id `after`."""
        statement = select(*_RECORD).where(_interactions.c.user_id == user_id)
        if after is not None:
            statement = statement.where(_interactions.c.event_id > after)
        rows = await self._session.execute(statement.order_by(_interactions.c.event_id).limit(limit))
        return [InteractionEvent(*row) for row in rows]

    async def delete(self, user_id: str, event_id: str) -> bool:
        """Delete one interaction; False if there is none."""
        statement = delete(Interaction).where(Interaction.user_id == user_id, Interaction.event_id == event_id)
        return (await self._session.execute(statement.returning(Interaction.event_id))).first() is not None

    async def users_before(self, moment: datetime, *, limit: int) -> Sequence[str]:
        """At most so many users who have interactions from before a moment."""
        statement = select(Interaction.user_id).where(Interaction.occurred_at < moment).distinct().limit(limit)
        return (await self._session.scalars(statement)).all()

    async def delete_before(self, moment: datetime, user_ids: Collection[str]) -> int:
        """Delete these users' interactions from before a moment, and return how many there were."""
        statement = delete(Interaction).where(Interaction.occurred_at < moment, Interaction.user_id.in_(user_ids))
        return len((await self._session.scalars(statement.returning(Interaction.event_id))).all())

    async def _stored(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], InteractionEvent]:
        event_ids = defaultdict(list)
        for user_id, event_id in keys:
            event_ids[user_id].append(event_id)
        stored = {}
        for user_id, ids in event_ids.items():
            statement = select(*_RECORD).where(_interactions.c.user_id == user_id, _interactions.c.event_id.in_(ids))
            for row in await self._session.execute(statement):
                stored[user_id, row.event_id] = InteractionEvent(*row)
        return stored


# On the table instead of the ORM class, because every list of a user reads it.
_interactions = Base.metadata.tables["interactions"]
_RECORD = [_interactions.c[name] for name in ("item_id", "kind", "occurred_at", "event_id")]
