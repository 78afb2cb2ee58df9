"""Ratings: stored, and answered with what they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import RatingNotFoundError, UserNotFoundError
from app.services.checks import GivenRating, attribute_faults, known_attributes, raise_faults, rating_faults
from app.services.model_host import ModelHost
from app.services.recommending import Recommendations
from app.services.scoring import RankingRequest, Scorer
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.ratings import NewRating, RatingRepository
from app.storage.tables import Rating
from app.storage.users import UserRepository
from app.storage.versions import VersionsRepository


@dataclass(frozen=True)
class RatingsStored:
    """What is stored of the items that a request rated, and what is recommended now."""

    ratings: Sequence[Rating]
    recommendations: Recommendations


class Ratings:
    """Stores, lists and deletes ratings."""

    def __init__(self, database: Database, host: ModelHost, scorer: Scorer) -> None:
        self._database = database
        self._host = host
        self._scorer = scorer

    async def add(
        self,
        user_id: str,
        given: Sequence[GivenRating],
        *,
        attributes: Mapping[str, object] | None,
        n: int,
    ) -> RatingsStored:
        """Store ratings and recommend by all that is known then; creates the user if new.

        Of two ratings of an item the one made later stays. When this returns, the ratings are durable.

        Args:
            user_id: Whose ratings.
            given: One rating an item, one at least.
            attributes: Replace the user's, if given.
            n: Most items to recommend.

        Raises:
            InvalidRequestError: If attributes or ratings contradict the schema or the catalogue; nothing is stored.
            NoActiveModelError: If no model is being served; nothing is stored.
        """
        item_ids = [rating.item_id for rating in given]
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
            missing = await ItemRepository(session).missing(item_ids)
        serving = await self._host.at(versions)
        schema = serving.schema
        raise_faults(
            attribute_faults(attributes or {}, schema.users), rating_faults(given, schema.rating_scale, missing)
        )
        async with self._database.write() as session:
            users, ratings = UserRepository(session), RatingRepository(session)
            await users.save(user_id, None if attributes is None else known_attributes(attributes, schema.users))
            # After `save` has locked the user: of two requests without times, the one that stores last is later.
            now = datetime.now(UTC)
            await ratings.save(user_id, [NewRating(each.item_id, each.rating, each.rated_at or now) for each in given])
            user = await users.get(user_id)
            stored = await ratings.of_user(user_id)
        request = RankingRequest(
            attributes=known_attributes(user.attributes if user else {}, schema.users),
            ratings=[(rating.item_id, rating.rating) for rating in stored],
            n=n,
        )
        items = await self._scorer.rank(serving.recommender, request)
        by_item = {rating.item_id: rating for rating in stored}
        return RatingsStored(
            ratings=[by_item[item_id] for item_id in item_ids],
            recommendations=Recommendations(items, serving.model_version),
        )

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[Rating]:
        """A user's ratings by item id, from behind `after` on.

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
