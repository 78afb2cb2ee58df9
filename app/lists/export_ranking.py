"""Where the lists of an export are ranked: in this process, or wherever an engine ranks."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import polars as pl
from anyio import to_thread

from app.lists.feedback import KnownUser, ListOptions
from app.lists.many_users import lists_of_users
from models.ranking import Recommender

SCHEMA = {
    "user_id": pl.String,
    "rank": pl.Int32,
    "item_id": pl.String,
    "predicted_rating": pl.Float32,
    "choice_probability": pl.Float32,
    "like_probability": pl.Float32,
    "model_version": pl.String,
}
"""The columns of the lists."""


class Ranking(Protocol):
    """Ranks for users."""

    @property
    def at_once(self) -> int:
        """How many groups of users to rank side by side."""

    async def lists_of(self, users: Sequence[KnownUser]) -> pl.DataFrame:
        """The lists of some users, as `ranked_lists` gives them."""


StartRanking = Callable[[Recommender, ListOptions], Ranking]
"""Begins to rank by a recommender."""


class RankingHere:
    """Ranks in a thread of this process, for one group after the other."""

    at_once = 1

    def __init__(self, recommender: Recommender, options: ListOptions) -> None:
        self._recommender = recommender
        self._options = options

    async def lists_of(self, users: Sequence[KnownUser]) -> pl.DataFrame:
        """The lists of some users."""
        return await to_thread.run_sync(ranked_lists, self._recommender, users, self._options)


def ranked_lists(recommender: Recommender, users: Sequence[KnownUser], options: ListOptions) -> pl.DataFrame:
    """The lists of some users, one row an item, with the columns `SCHEMA`."""
    lists = lists_of_users(recommender, users, options)
    rows: list[dict[str, Any]] = [
        {
            "user_id": state.id,
            "rank": item.rank,
            "item_id": item.item_id,
            "predicted_rating": item.predicted_rating,
            "choice_probability": item.choice_probability,
            "like_probability": item.like_probability,
            "model_version": recommender.model.version,
        }
        for (state, _), items in zip(users, lists, strict=True)
        for item in items
    ]
    return pl.DataFrame(rows, schema=SCHEMA)
