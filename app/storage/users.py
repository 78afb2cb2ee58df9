"""Users in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import Boolean, Insert, bindparam, case, delete, func, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.saved import Saved
from app.storage.tables import Answer, Base, Event, Interaction, Rating, User
from app.storage.upsert import dialect_of, insert

_AT_ONCE = 500
"""Rows of one statement: preparing their parameters keeps the event loop busy for some milliseconds."""


@dataclass(frozen=True)
class UserRecord:
    """A user's id and attributes."""

    id: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class UserState:
    """The user data that an answer depends on."""

    id: str
    attributes: dict[str, Any]
    revision: str


class UserRepository:
    """Reads and writes users.

    A transaction that changes a user's ratings, interactions, skips or answers calls `save` or `touch` first: both lock
    the user's row, so such transactions of one user follow each other and cannot deadlock.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: str) -> User | None:
        """The user, if known."""
        return await self._session.get(User, user_id)

    async def of_ids(self, user_ids: Collection[str]) -> dict[str, User]:
        """The known users among these, by id."""
        users = await self._session.scalars(select(User).where(User.id.in_(user_ids)))
        return {user.id: user for user in users}

    async def page(self, *, after: str | None, limit: int) -> Sequence[User]:
        """Users, ordered by id, after the id `after`."""
        statement = select(User).order_by(User.id).limit(limit)
        if after is not None:
            statement = statement.where(User.id > after)
        return (await self._session.scalars(statement)).all()

    async def ids(self, *, after: str | None, limit: int) -> Sequence[str]:
        """The ids of users, in their order, after the id `after`."""
        statement = select(User.id).order_by(User.id).limit(limit)
        if after is not None:
            statement = statement.where(User.id > after)
        return (await self._session.scalars(statement)).all()

    async def count(self, *, after: str | None = None) -> int:
        """The number of users after the id `after`, or of all."""
        statement = select(func.count()).select_from(User)
        if after is not None:
            statement = statement.where(User.id > after)
        return (await self._session.execute(statement)).scalar_one()

    async def last_active(self, *, limit: int) -> Sequence[str]:
        """The ids of the users who rated, interacted or answered last, the latest first.

        A user who did nothing of it counts as active when the user was stored. It reads all rows of the three tables.
        """
        did = union_all(
            select(Rating.user_id, Rating.rated_at.label("moment")),
            select(Interaction.user_id, Interaction.occurred_at),
            select(Answer.user_id, Answer.answered_at),
        ).subquery()
        last = select(did.c.user_id, func.max(did.c.moment).label("moment")).group_by(did.c.user_id).subquery()
        statement = (
            select(User.id)
            .outerjoin(last, last.c.user_id == User.id)
            .order_by(func.coalesce(last.c.moment, User.created_at).desc(), User.id)
            .limit(limit)
        )
        return (await self._session.scalars(statement)).all()

    async def states(self, user_ids: Collection[str]) -> dict[str, UserState]:
        """The known users among these, by id."""
        rows = await self._session.execute(_STATES, {"user_ids": list(user_ids)})
        return {row.id: UserState(*row) for row in rows}

    async def save(self, users: Mapping[str, dict[str, Any] | None]) -> None:
        """Create or change users, by id. With None instead of attributes, a known user keeps the stored ones.

        Rows are locked in the order of their ids, so that two transactions cannot deadlock.
        """
        now = datetime.now(UTC)
        rows = [
            {
                "id": user_id,
                "attributes": attributes or {},
                "revision": _revision(),
                "created_at": now,
                "keep": attributes is None,
            }
            for user_id, attributes in sorted(users.items())
        ]
        await self._session.execute(_saving(dialect_of(self._session)), rows)

    async def save_differing(self, users: Sequence[UserRecord]) -> Saved:
        """Create the users that are new, and replace the attributes of those that differ from what is stored.

        Users that are the same keep their revision. Of several records with one id the last is kept.
        """
        before = await self._stored_attributes({user.id for user in users})
        after = dict(before)
        created = updated = 0
        for user in users:
            known = after.get(user.id)
            created += known is None
            updated += known is not None and known != user.attributes
            after[user.id] = user.attributes
        differing = sorted(user_id for user_id, attributes in after.items() if before.get(user_id) != attributes)
        for start in range(0, len(differing), _AT_ONCE):
            await self.save({user_id: after[user_id] for user_id in differing[start : start + _AT_ONCE]})
        return Saved(created, updated, len(users) - created - updated)

    async def _stored_attributes(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        stored: dict[str, dict[str, Any]] = {}
        in_order = sorted(ids)
        for start in range(0, len(in_order), _AT_ONCE):
            states = await self.states(in_order[start : start + _AT_ONCE])
            stored.update((user_id, state.attributes) for user_id, state in states.items())
        return stored

    async def touch(self, user_id: str) -> bool:
        """Give a user a new revision; False if the user is unknown."""
        statement = update(User).where(User.id == user_id).values(revision=_revision()).returning(User.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def touch_all(self, user_ids: Collection[str]) -> None:
        """Give the known users among these a new revision. They are locked in the order of their ids, as by `save`."""
        locked = select(_users.c.id).where(_users.c.id.in_(user_ids)).order_by(_users.c.id).with_for_update()
        known = (await self._session.scalars(locked)).all()
        await self._session.execute(update(_users).where(_users.c.id.in_(known)).values(revision=_revision()))

    async def delete(self, user_id: str) -> bool:
        """Erase everything that is stored about a user; False if nothing is."""
        erasures = (
            delete(User).where(User.id == user_id).returning(User.id),
            delete(Event).where(Event.user_id == user_id).returning(Event.id),
        )
        erased = [(await self._session.execute(statement)).first() for statement in erasures]
        return any(row is not None for row in erased)


def _revision() -> str:
    return uuid4().hex


# On tables instead of ORM classes, because every write runs these statements and the ORM takes much of their time.
_users = Base.metadata.tables["users"]
_STATES = select(_users.c.id, _users.c.attributes, _users.c.revision).where(
    _users.c.id.in_(bindparam("user_ids", expanding=True))
)


@cache
def _saving(dialect: str) -> Insert:
    statement = insert(dialect, _users)
    return statement.on_conflict_do_update(
        index_elements=[_users.c.id],
        set_={
            "revision": statement.excluded.revision,
            "attributes": case(
                (bindparam("keep", type_=Boolean), _users.c.attributes), else_=statement.excluded.attributes
            ),
        },
    )
