"""Ratings: stores them and answers with new recommendations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import RatingNotFoundError, UserNotFoundError
from app.lists.feedback import ListOptions, ranking_query
from app.services.model_host import ModelHost
from app.services.predicted_ratings import PredictedRatingSampler
from app.services.ranking import Ranker
from app.services.recommendations import RecommendationList, recommend
from app.services.user_writes import UserWrite, UserWriter
from app.services.validation import attribute_errors, raise_if_invalid, rating_errors
from app.storage.database import Database
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.attribute_values import known_attributes


@dataclass(frozen=True)
class RatingsStored:
    """The stored ratings of the items in a request, and the new recommendations."""

    ratings: Sequence[RatingRecord]
    recommendations: RecommendationList


class RatingService:
    """Stores, lists and deletes ratings."""

    def __init__(
        self,
        database: Database,
        host: ModelHost,
        ranker: Ranker,
        writer: UserWriter,
        sampler: PredictedRatingSampler,
    ) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._writer = writer
        self._sampler = sampler

    async def add(
        self,
        user_id: str,
        given: Sequence[RatingRecord],
        *,
        attributes: Mapping[str, object] | None,
        n: int,
        explain: bool = False,
    ) -> RatingsStored:
        """Store ratings, and recommend from all that the user did. Creates the user if new.

        Of two ratings of an item the later is kept. When this returns, the ratings are durable.

        Args:
            user_id: The user.
            given: At least one rating, and one rating an item.
            attributes: Replace the user's attributes, unless None.
            n: The most items to recommend.
            explain: Whether to name what moved each item up.

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
        written = await self._writer.write(UserWrite(user_id, known, ratings=given))
        state, feedback = written.user
        options = ListOptions(n, explain=explain)
        query = ranking_query(served.schema, state.attributes, feedback, options)
        recommendations = await recommend(self._ranker, served, query, options)
        self._sampler.sample(served, user_id, query, written=written.rated, given=given)
        by_item = {rating.item_id: rating for rating in feedback.ratings}
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
