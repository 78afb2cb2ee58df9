"""Writes of what users did. Concurrent requests share a commit."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.lists.feedback import KnownUser, read_users
from app.observability.metrics import Phase
from app.services.batching import Batcher
from app.storage.answers import AnswerRecord, AnswerRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.fields import AttributeValue

_LARGEST_WRITE = 32
"""The most requests that share a commit. Later requests wait for the whole transaction."""


@dataclass(frozen=True)
class UserWrite:
    """What a request stores: what the user did, and attributes that replace the user's unless they are None."""

    user_id: str
    attributes: dict[str, AttributeValue] | None
    ratings: Sequence[RatingRecord] = ()
    interactions: Sequence[InteractionEvent] = ()
    answers: Sequence[AnswerRecord] = ()


@dataclass(frozen=True)
class Written:
    """What the transaction of a request left.

    Attributes:
        user: The user, and all that the user did.
        rated: The items whose ratings by this user the transaction wrote.
        interactions: The stored interactions with the event ids of the request, in its order.
    """

    user: KnownUser
    rated: Collection[str]
    interactions: Sequence[InteractionEvent]


class UserWriter:
    """Stores what users did. Creates users as needed."""

    def __init__(self, database: Database, *, half_life: timedelta) -> None:
        self._database = database
        self._half_life = half_life
        self._writes = Batcher(self._store, largest=_LARGEST_WRITE, phase=Phase.STORE)

    async def write(self, write: UserWrite) -> Written:
        """Store what a request brings. When this returns, it is durable.

        The request must be valid, so that it cannot make others fail.
        """
        return await self._writes.do(write)

    async def _store(self, writes: Sequence[UserWrite]) -> list[Written]:
        """Store what several requests bring, in their order, in one transaction."""
        async with self._database.write() as session:
            await UserRepository(session).save(_last_attributes(writes))
            # After `save` has locked the users, so that ratings are stored in the order in which requests arrive.
            if any(write.ratings for write in writes):
                await RatingRepository(session).save(
                    (write.user_id, rating) for write in writes for rating in write.ratings
                )
            interactions = await InteractionRepository(session).save(
                (write.user_id, each) for write in writes for each in write.interactions
            )
            await AnswerRepository(session).save((write.user_id, each) for write in writes for each in write.answers)
            users = await read_users(session, {write.user_id for write in writes}, half_life=self._half_life)
        rated: dict[str, set[str]] = defaultdict(set)
        for write in writes:
            rated[write.user_id].update(rating.item_id for rating in write.ratings)
        return [
            Written(
                users[write.user_id],
                rated[write.user_id],
                [interactions[write.user_id, each.event_id] for each in write.interactions],
            )
            for write in writes
        ]


def _last_attributes(writes: Sequence[UserWrite]) -> Mapping[str, dict[str, AttributeValue] | None]:
    """Each user's new attributes: those of the last request that has any, or None to keep the stored ones."""
    attributes: dict[str, dict[str, AttributeValue] | None] = {}
    for write in writes:
        if write.attributes is not None or write.user_id not in attributes:
            attributes[write.user_id] = write.attributes
    return attributes
