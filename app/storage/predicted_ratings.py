"""Ratings and their predictions in the database, and the sums of their errors for each model version."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.report_window import Window, user_sums, within
from app.storage.tables import PredictedRating, User
from app.storage.upsert import dialect_of, insert
from models.metrics.ratio import RatioSums


@dataclass(frozen=True)
class PredictedRatingRecord:
    """A rating and its prediction as they are stored."""

    model_version: str
    user_id: str
    item_id: str
    rating: float
    predicted: float
    rated_at: datetime


class PredictedRatingRepository:
    """Reads and writes ratings with their predictions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, ratings: Collection[PredictedRatingRecord], *, replace: bool) -> None:
        """Store the ratings of known users; `replace` says whether they replace earlier ones of the same items."""
        user_ids = {rating.user_id for rating in ratings}
        # Locked, so that no user is erased meanwhile; ordered, so that two transactions cannot deadlock.
        known = (
            select(User.id).where(User.id.in_(user_ids)).order_by(User.id).with_for_update(read=True, key_share=True)
        )
        users = set(await self._session.scalars(known))
        rows = {
            (rating.model_version, rating.user_id, rating.item_id): asdict(rating)
            for rating in ratings
            if rating.user_id in users
        }
        if not rows:
            return
        statement = insert(dialect_of(self._session), PredictedRating)
        key = [PredictedRating.model_version, PredictedRating.user_id, PredictedRating.item_id]
        if replace:
            values = {name: statement.excluded[name] for name in ("rating", "predicted", "rated_at")}
            statement = statement.on_conflict_do_update(index_elements=key, set_=values)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=key)
        await self._session.execute(statement, [rows[place] for place in sorted(rows)])

    async def errors(self, window: Window) -> RatioSums | None:
        """Absolute errors per rating; None without ratings."""
        users = (
            select(
                func.count().label("n"),
                func.sum(func.abs(PredictedRating.rating - PredictedRating.predicted)).label("t"),
            )
            .where(within(window, PredictedRating.model_version, PredictedRating.rated_at))
            .group_by(PredictedRating.user_id)
            .subquery()
        )
        return await user_sums(self._session, users)
