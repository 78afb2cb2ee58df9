"""Ratings: stores them and answers with new recommendations."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import RatingNotFoundError, UserNotFoundError
from app.observability.metrics import Phase
from app.services.batching import Batcher
from app.services.model_host import ModelHost
from app.services.predicted_ratings import PredictedRatingSampler
from app.services.ranking import Ranker
from app.services.recommendations import RecommendationList, item_ratings, recommend
from app.services.validation import attribute_errors, raise_if_invalid, rating_errors
from app.storage.database import Database
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.skips import SkipRepository
from app.storage.users import UserRepository
from models.data.attribute_values import known_attributes
from models.fields import AttributeValue
from models.ranking import RankingQuery

_LARGEST_WRITE = 32
"""The most requests that share a commit. Later requests wait for the whole transaction."""


@dataclass(frozen=True)
class RatingsStored:
    """The stored ratings of the items in a request, and the new recommendations."""

    ratings: Sequence[RatingRecord]
    recommendations: RecommendationList


@dataclass(frozen=True)
class _Write:
    """What a request stores: ratings, and attributes that replace the user's unless they are None."""

    user_id: str
    given: Sequence[RatingRecord]
    attributes: dict[str, AttributeValue] | None


@dataclass(frozen=True)
class _Stored:
    """A user's attributes, ratings and skipped items after the transaction, and the items whose ratings it wrote."""

    attributes: dict[str, Any]
    ratings: Sequence[RatingRecord]
    skipped: Sequence[str]
    written: Collection[str]


class RatingService:
    """Stores, lists and deletes ratings."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, sampler: PredictedRatingSampler) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._sampler = sampler
        self._writes = Batcher(self._store, largest=_LARGEST_WRITE, phase=Phase.STORE)

    async def add(
        self,
        user_id: str,
        given: Sequence[RatingRecord],
        *,
        attributes: Mapping[str, object] | None,
        n: int,
        explain: bool = False,
    ) -> RatingsStored:
        """Store ratings, and recommend from all of the user's ratings. Creates the user if new.

        Of two ratings of an item the later is kept. When this returns, the ratings are durable.

        Args:
            user_id: The user.
            given: At least one rating, and one rating an item.
            attributes: Replace the user's attributes, unless None.
            n: The most items to recommend.
            explain: Whether to name a rating that moved each item up.

        Raises:
            InvalidRequestError: If attributes or ratings contradict the schema or the catalogue; nothing is stored.
            NoActiveModelError: If no model is being served; nothing is stored.
        """
        item_ids = [rating.item_id for rating in given]
        served = await self._host.current(user_id)
        schema = served.schema
        raise_if_invalid(
            attribute_errors(attributes or {}, schema.users),
            rating_errors(given, schema.rating_scale, served.missing(item_ids)),
        )
        known = None if attributes is None else known_attributes(attributes, schema.users)
        stored = await self._writes.do(_Write(user_id, given, known))
        query = RankingQuery(
            attributes=known_attributes(stored.attributes, schema.users),
            ratings=item_ratings(stored.ratings),
            n=n,
            skipped=stored.skipped,
        )
        recommendations = await recommend(self._ranker, served, query, explained=explain)
        self._sampler.sample(served, user_id, query.attributes, query.ratings, written=stored.written, given=given)
        by_item = {rating.item_id: rating for rating in stored.ratings}
        return RatingsStored(
            ratings=[by_item[item_id] for item_id in item_ids],
            recommendations=recommendations,
        )

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[RatingRecord]:
        """A user's ratings by item id, after the key `after`.

        Raises:
            UserNotFoundError: If the user is unknown.
        """
        async with self._database.read() as session:
            if await UserRepository(session).get(user_id) is None:
                raise UserNotFoundError(user_id)
            return await RatingRepository(session).page(user_id, after=after, limit=limit)

    async def delete(self, user_id: str, item_id: str) -> None:
        """Delete one rating.

        Raises:
            UserNotFoundError: If the user is unknown.
            RatingNotFoundError: If the user has not rated the item.
        """
        async with self._database.write() as session:
            if not await UserRepository(session).touch(user_id):
                raise UserNotFoundError(user_id)
            if not await RatingRepository(session).delete(user_id, item_id):
                raise RatingNotFoundError(user_id, item_id)

    async def _store(self, writes: Sequence[_Write]) -> list[_Stored]:
        """Store the ratings of several requests, in their order, in one transaction.

        The requests were validated before, so none of them can make the others fail.
        """
        async with self._database.write() as session:
            users, ratings = UserRepository(session), RatingRepository(session)
            await users.save(_last_attributes(writes))
            # After `save` has locked the users, so that ratings are stored in the order in which requests arrive.
            await ratings.save((write.user_id, rating) for write in writes for rating in write.given)
            written: dict[str, set[str]] = defaultdict(set)
            for write in writes:
                written[write.user_id].update(rating.item_id for rating in write.given)
            known, rated = await users.states(written), await ratings.of_users(written)
            skipped = await SkipRepository(session).of_users(written)
        return [
            _Stored(
                known[write.user_id].attributes,
                rated[write.user_id],
                skipped.get(write.user_id, ()),
                written[write.user_id],
            )
            for write in writes
        ]


def _last_attributes(writes: Sequence[_Write]) -> dict[str, dict[str, AttributeValue] | None]:
    """Each user's new attributes: those of the last request that has any, or None to keep the stored ones."""
    attributes: dict[str, dict[str, AttributeValue] | None] = {}
    for write in writes:
        if write.attributes is not None or write.user_id not in attributes:
            attributes[write.user_id] = write.attributes
    return attributes
