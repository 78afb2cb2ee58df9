"""Predicted ratings: compares new ratings with what the model predicted, for the online mean absolute error."""

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import to_thread

from app.errors import DatabaseUnavailableError
from app.observability.metrics import ONLINE_ERROR, Warmth
from app.services.model_traffic import ServedModel
from app.storage.database import Database
from app.storage.predicted_ratings import PredictedRatingRecord, PredictedRatingRepository
from app.storage.ratings import RatingRecord
from models.fields import AttributeValue
from models.ranking import ItemRating, RankingQuery

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN = 0.1
"""Least time between two samples. A sample costs one or two milliseconds, so sampling takes at most 2 % of a core,
however many ratings arrive."""


@dataclass(frozen=True)
class RatingToMeasure:
    """A rating to compare with its prediction, and what the prediction may use.

    Attributes:
        user_id: The user.
        item_id: The item.
        rating: The user's rating of the item.
        rated_at: When it was made.
        attributes: The user's attributes.
        known: The user's other ratings from before.
    """

    user_id: str
    item_id: str
    rating: float
    rated_at: datetime
    attributes: Mapping[str, AttributeValue]
    known: Sequence[ItemRating]


async def predict_rated(served: ServedModel, rated: Sequence[RatingToMeasure]) -> list[PredictedRatingRecord]:
    """Predict ratings that the model has not seen. Items outside its catalogue are left out.

    The prediction is the median, as in the validation error of training, so that both errors can be compared.
    """
    queries = [
        RankingQuery(
            attributes=rating.attributes, ratings=rating.known, n=0, now=math.floor(rating.rated_at.timestamp())
        )
        for rating in rated
    ]
    predicted = await to_thread.run_sync(
        served.recommender.predicted_ratings, queries, [[rating.item_id] for rating in rated]
    )
    return [
        PredictedRatingRecord(
            served.model_version, rating.user_id, rating.item_id, rating.rating, prediction, rating.rated_at
        )
        for rating, (prediction,) in zip(rated, predicted, strict=True)
        if prediction is not None
    ]


class PredictedRatingSampler:
    """Compares a sample of new ratings with the model's predictions, in the background.

    The model is adapted to the user's stored ratings without the new ones, so it has not seen what it predicts. The
    errors go into a metric, and into the database for the version's report.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._measuring: asyncio.Task[None] | None = None
        self._next_at = 0.0

    def sample(
        self,
        served: ServedModel,
        user_id: str,
        query: RankingQuery,
        *,
        written: Collection[str],
        given: Sequence[RatingRecord],
    ) -> None:
        """Measure new ratings in the background, unless the last sample was too recent.

        Args:
            served: The model that serves the user.
            user_id: The user.
            query: Has the user's attributes, and all that the user did.
            written: The items whose ratings the model must not see: those of the same transaction.
            given: The new ratings.
        """
        if time.monotonic() < self._next_at or self._measuring is not None:
            return
        self._next_at = time.monotonic() + _SECONDS_BETWEEN
        before = [rating for rating in query.ratings if rating.item_id not in written]
        now = datetime.now(UTC)
        rated = [
            RatingToMeasure(user_id, rating.item_id, rating.rating, rating.rated_at or now, query.attributes, before)
            for rating in given
        ]
        self._measuring = asyncio.create_task(self._measure(served, rated, Warmth.of(len(before))), context=Context())

    async def close(self) -> None:
        """Finish the sample that is being measured."""
        if self._measuring is not None:
            await self._measuring

    async def _measure(self, served: ServedModel, rated: Sequence[RatingToMeasure], warmth: Warmth) -> None:
        try:
            predicted = await predict_rated(served, rated)
            error = ONLINE_ERROR.labels(warmth)
            for record in predicted:
                error.observe(abs(record.rating - record.predicted))
            async with self._database.write() as session:
                await PredictedRatingRepository(session).save(predicted, replace=True)
        except DatabaseUnavailableError:
            pass  # it is logged; losing a sample does no harm
        except Exception:
            logger.exception("The online error could not be measured.")  # and no request fails for it
        finally:
            self._measuring = None
