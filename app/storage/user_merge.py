"""Merging a guest into a user in the database: all that is stored about the guest belongs to the user afterwards."""

from typing import Any, NamedTuple, cast
from uuid import uuid4

from sqlalchemy import CursorResult, Table, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base
from app.storage.users import UserRepository


class Moved(NamedTuple):
    """How many rows of a guest belong to the user now, without those that gave way to rows of the user."""

    ratings: int
    interactions: int
    skips: int
    answers: int
    events: int


class UserMergeRepository:
    """Merges users."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def merge(self, guest_id: str, user_id: str) -> Moved | None:
        """Move all that is stored about a guest to another user, and erase the guest. Creates the user if new.

        Returns:
            What has moved; None if nothing is stored about the guest.
        """
        if not await self._is_stored(guest_id):
            return None
        guest = await self._locked(guest_id, user_id)
        moved = Moved(
            ratings=await self._move_latest(_ratings, guest_id, user_id),
            interactions=await self._move_interactions(guest_id, user_id),
            skips=await self._move_skips(guest_id, user_id),
            answers=await self._move_latest(_answers, guest_id, user_id, moment="answered_at"),
            events=await self._move(_events, guest_id, user_id),
        )
        await self._move_latest(_predicted, guest_id, user_id)
        if guest is not None:
            users = UserRepository(self._session)
            own = (await users.states([user_id]))[user_id].attributes
            await users.save({user_id: {**guest, **own}})
            await users.delete(guest_id)
        return moved if guest is not None or any(moved) else None

    async def _is_stored(self, guest_id: str) -> bool:
        """Whether there is the guest, or an event of a guest who is not stored."""
        statement = select(or_(exists().where(_users.c.id == guest_id), exists().where(_events.c.user_id == guest_id)))
        return bool(await self._session.scalar(statement))

    async def _locked(self, guest_id: str, user_id: str) -> dict[str, Any] | None:
        """Lock both users in the order of their ids, as `UserRepository.save` does, and create the user if new.

        Returns:
            The guest's attributes; None if the guest is not stored, or not any more.
        """
        users = UserRepository(self._session)
        for each in sorted((guest_id, user_id)):
            if each == user_id:
                await users.save({user_id: None})
            else:
                await users.touch(guest_id)
        state = (await users.states([guest_id])).get(guest_id)
        return None if state is None else state.attributes

    async def _move_latest(self, table: Table, guest_id: str, user_id: str, *, moment: str = "rated_at") -> int:
        """Move ratings. Of two ratings of an item the later is kept; of two with the same time, the user's.

        In `predicted_ratings`, of two ratings by the same model version; in `answers`, of two answers to a question.
        `moment` names the column of the time.
        """
        other = table.alias()
        key = [column for column in table.primary_key.columns if column.name != "user_id"]
        both = [other.c[column.name] == column for column in key]
        older = exists().where(other.c.user_id == user_id, other.c[moment] >= table.c[moment], *both)
        await self._session.execute(delete(table).where(table.c.user_id == guest_id, older))
        replaced = exists().where(other.c.user_id == guest_id, *both)
        await self._session.execute(delete(table).where(table.c.user_id == user_id, replaced))
        return await self._move(table, guest_id, user_id)

    async def _move_interactions(self, guest_id: str, user_id: str) -> int:
        """Move interactions. One that the user has with the same event id, item and kind is the same one.

        Another one with an event id that the user has gets a new event id: nothing that happened is lost.
        """
        own, of_guest = _interactions.alias(), _interactions
        same_id = and_(own.c.user_id == user_id, own.c.event_id == of_guest.c.event_id)
        same = and_(same_id, own.c.item_id == of_guest.c.item_id, own.c.kind == of_guest.c.kind)
        await self._session.execute(delete(of_guest).where(of_guest.c.user_id == guest_id, exists().where(same)))
        taken = select(of_guest.c.event_id).where(of_guest.c.user_id == guest_id, exists().where(same_id))
        if renamed := (await self._session.scalars(taken)).all():
            statement = update(of_guest).where(of_guest.c.user_id == guest_id, of_guest.c.event_id == bindparam("old"))
            await self._session.execute(
                statement.values(event_id=bindparam("new")), [{"old": old, "new": uuid4().hex} for old in renamed]
            )
        return await self._move(of_guest, guest_id, user_id)

    async def _move_skips(self, guest_id: str, user_id: str) -> int:
        """Move skips, after the ratings: a rating replaces a skip. Of two skips of an item the user's is kept."""
        rated = and_(_ratings.c.user_id == user_id, _ratings.c.item_id == _skips.c.item_id)
        await self._session.execute(
            delete(_skips).where(_skips.c.user_id.in_([guest_id, user_id]), exists().where(rated))
        )
        own = _skips.alias()
        skipped = and_(own.c.user_id == user_id, own.c.item_id == _skips.c.item_id)
        await self._session.execute(delete(_skips).where(_skips.c.user_id == guest_id, exists().where(skipped)))
        return await self._move(_skips, guest_id, user_id)

    async def _move(self, table: Table, guest_id: str, user_id: str) -> int:
        """Move the rows of a table; their number. None may have the key of a row of the user."""
        statement = update(table).where(table.c.user_id == guest_id).values(user_id=user_id)
        moved = cast("CursorResult[Any]", await self._session.execute(statement))
        return moved.rowcount


_users, _ratings, _interactions, _skips, _answers, _events, _predicted = (
    Base.metadata.tables[name]
    for name in ("users", "ratings", "interactions", "skips", "answers", "events", "predicted_ratings")
)
