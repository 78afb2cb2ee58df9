"""The audience of an item: the stored users who would most probably choose and like it."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from anyio import to_thread
from cachetools import TTLCache

from app.errors import ItemNotFoundError
from app.lists.feedback import KnownUser, ListOptions, read_users
from app.lists.many_users import lists_of_users
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.storage.database import Database
from app.storage.users import UserRepository
from models.ranking import Recommender
from models.ranking.liking import chosen_and_liked

_USERS_AT_ONCE = 200
"""Users that are read and ranked together. Other requests are answered between two batches."""

_KEPT = 16
_KEPT_SECONDS = 300.0
"""How many audiences are kept for the next pages, and for how long."""

Place = tuple[float, str]
"""The place of a user in an audience: minus the score, and the id."""


@dataclass(frozen=True)
class Prospect:
    """A user who could choose an item. The probabilities are those of the user's list.

    Attributes:
        user_id: The user.
        choice_probability: The probability that the user's next choice among the items of the list is this one.
        like_probability: The probability that the user likes it then; None from a model that gives none.
        predicted_rating: The user's expected rating; None from a model that predicts none.
        score: What orders audiences and lists (`chosen_and_liked`).
    """

    user_id: str
    choice_probability: float
    like_probability: float | None
    predicted_rating: float | None
    score: float

    @property
    def place(self) -> Place:
        """The place in an audience."""
        return -self.score, self.user_id


@dataclass(frozen=True)
class Audience:
    """A page of an audience.

    Attributes:
        prospects: The users, the most probable first.
        next_place: The place behind which the next page begins; None on the last page.
        considered: How many users were ranked, among them those for whom the item can be in no list.
        model_version: The version that ranked them.
    """

    prospects: Sequence[Prospect]
    next_place: Place | None
    considered: int
    model_version: str


@dataclass(frozen=True)
class _Ranked:
    prospects: Sequence[Prospect]
    considered: int


class AudienceService:
    """Finds the audiences of items.

    Every considered user is adapted and the whole catalogue is scored for the user, because P(choose) compares the item
    with all others. So an audience costs as much as a list for each of its users. One is made at a time in a process,
    and it is kept for a while, so that its next pages cost nothing.
    """

    def __init__(self, database: Database, host: ModelHost, *, half_life: timedelta) -> None:
        self._database = database
        self._host = host
        self._half_life = half_life
        self._kept: TTLCache[tuple[object, ...], _Ranked] = TTLCache(maxsize=_KEPT, ttl=_KEPT_SECONDS)
        self._ranking = asyncio.Lock()

    async def of_item(self, item_id: str, *, users: int, after: Place | None, limit: int) -> Audience:
        """A page of an item's audience.

        Users are left out in whose list the item cannot be, because they have rated it, interacted with it or dismissed
        it. Erased users are left out of a kept audience too, so a page may be shorter than the limit.

        Args:
            item_id: The item.
            users: How many users to consider: those who rated or interacted last.
            after: The page begins behind this place; None for the first page.
            limit: The most users of a page.

        Raises:
            ItemNotFoundError: If the item is not in the catalogue.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        if served.missing([item_id]):
            raise ItemNotFoundError(item_id)
        ranked = await self._ranked(served, item_id, users)
        start = 0 if after is None else bisect_right(ranked.prospects, after, key=lambda prospect: prospect.place)
        page = ranked.prospects[start : start + limit]
        async with self._database.read() as session:
            known = await UserRepository(session).states([prospect.user_id for prospect in page])
        return Audience(
            prospects=[prospect for prospect in page if prospect.user_id in known],
            next_place=page[-1].place if start + limit < len(ranked.prospects) else None,
            considered=ranked.considered,
            model_version=served.model_version,
        )

    async def _ranked(self, served: ServedModel, item_id: str, users: int) -> _Ranked:
        """The whole audience, kept or new."""
        key = served.model_version, served.catalogue, item_id, users
        async with self._ranking:
            ranked = self._kept.get(key)
            if ranked is None:
                ranked = self._kept[key] = await self._new(served.recommender, item_id, users)
        return ranked

    async def _new(self, recommender: Recommender, item_id: str, users: int) -> _Ranked:
        async with self._database.read() as session:
            ids = await UserRepository(session).last_active(limit=users)
        prospects: list[Prospect] = []
        for start in range(0, len(ids), _USERS_AT_ONCE):
            async with self._database.read() as session:
                known = await read_users(session, ids[start : start + _USERS_AT_ONCE], half_life=self._half_life)
            prospects += await to_thread.run_sync(_prospects, recommender, list(known.values()), item_id)
        return _Ranked(sorted(prospects, key=lambda prospect: prospect.place), len(ids))


def _prospects(recommender: Recommender, users: Sequence[KnownUser], item_id: str) -> list[Prospect]:
    """Those users in whose list the item can be. It is pinned in a list of one item, which has its figures."""
    lists = lists_of_users(recommender, users, ListOptions(1, pinned=[item_id]))
    scale = recommender.model.schema.rating_scale
    return [
        Prospect(
            state.id,
            item.choice_probability,
            item.like_probability,
            item.predicted_rating,
            chosen_and_liked(item, scale),
        )
        for (state, _), listed in zip(users, lists, strict=True)
        for item in listed
        if item.item_id == item_id
    ]
