"""How wrong the model is on the ratings that arrive: online mean absolute error."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextvars import Context

from anyio import to_thread

from app.observability.metrics import ONLINE_ERROR, Warmth
from app.services.checks import GivenRating
from models.ranking import RankingQuery, Recommender
from models.schema import AttributeValue

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN = 0.1
"""Between two samples at least. One costs a millisecond or two, so that this takes a core's hundredth or two, however
many ratings arrive."""


class OnlineError:
    """Compares a sample of new ratings with what the model would have predicted of them, behind the answers' back.

    The model is adapted to all that was stored of the user but the items rated now, so it predicts what it does not
    know. The prediction is the median, as for the validation error in training, which the metric is to be held against.
    """

    def __init__(self) -> None:
        self._measuring: asyncio.Task[None] | None = None
        self._next_at = 0.0

    def sample(
        self,
        recommender: Recommender,
        attributes: Mapping[str, AttributeValue],
        stored: Sequence[tuple[str, float]],
        *,
        written: Collection[str],
        given: Sequence[GivenRating],
    ) -> None:
        """Measure the given ratings, unless it is too early for another sample; returns at once.

        Args:
            recommender: What serves the user.
            attributes: The user's.
            stored: All ratings of the user.
            written: Items among them that the model may not know yet: those given, and what was stored with them.
            given: The new ratings.
        """
        if time.monotonic() < self._next_at or self._measuring is not None:
            return
        self._next_at = time.monotonic() + _SECONDS_BETWEEN
        before = [(item_id, rating) for item_id, rating in stored if item_id not in written]
        query = RankingQuery(attributes=attributes, ratings=before, n=0)
        self._measuring = asyncio.create_task(self._measure(recommender, query, given), context=Context())

    async def close(self) -> None:
        """Finish what is being measured."""
        if self._measuring is not None:
            await self._measuring

    async def _measure(self, recommender: Recommender, query: RankingQuery, given: Sequence[GivenRating]) -> None:
        try:
            predicted = await to_thread.run_sync(
                recommender.predicted_ratings, query, [rating.item_id for rating in given]
            )
            error = ONLINE_ERROR.labels(Warmth.of(len(query.ratings)))
            for rating, prediction in zip(given, predicted, strict=True):
                if prediction is not None:
                    error.observe(abs(rating.rating - prediction))
        except Exception:
            logger.exception("The online error could not be measured.")  # and nobody's request fails for it
        finally:
            self._measuring = None
