"""The lists of one ranker for the users of the protocol, and their measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.baselines.lists import ListRanker
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.splits import Split
from models.evaluation.estimates import UserValues
from models.evaluation.predictors import BATCH_USERS
from models.metrics.lists import LIST_LENGTH, LIST_MEASURES, NO_ITEM, RankedLists
from models.metrics.lists.novelty import information
from models.ranking.best import best_places

_SCORES_AT_ONCE = 2_000_000
"""Scores of one batch of users, which bounds the memory."""


@dataclass(frozen=True)
class MeasuredLists:
    """The lists of one ranker at one support size.

    Attributes:
        items: int64 [U, k], as in `RankedLists`.
        values: By the names in `LIST_MEASURES`, each user's value.
    """

    items: NDArray[np.int64]
    values: UserValues


@dataclass(frozen=True)
class RankedItems:
    """The items that a table of lists is about.

    Attributes:
        ranked: bool [items], the items that are ranked.
        counts: int64 [items], the number of training ratings of each item. It resolves ties, as in serving.
        information: float64 [items], as in `RankedLists`.
    """

    ranked: NDArray[np.bool_]
    counts: NDArray[np.int64]
    information: NDArray[np.float64]

    @classmethod
    def catalogue(cls, dataset: Dataset, training: NDArray[np.bool_]) -> "RankedItems":
        """All items of a data set, of whose ratings `training` (bool [ratings]) are known."""
        counts = np.bincount(dataset.ratings.items[training], minlength=len(dataset.items))
        users = len(np.unique(dataset.ratings.users[training]))
        return cls(np.ones(len(dataset.items), dtype=np.bool_), counts, information(counts, users))

    def only(self, ranked: NDArray[np.bool_]) -> "RankedItems":
        """The same with other items ranked (bool [items])."""
        return RankedItems(ranked, self.counts, self.information)


def new_items(dataset: Dataset, split: Split) -> NDArray[np.bool_]:
    """The rated items that the split makes new; bool [items]."""
    new = np.zeros(len(dataset.items), dtype=np.bool_)
    new[dataset.ratings.items[np.isin(split.states, (State.ITEM_COLD, State.USER_AND_ITEM_COLD))]] = True
    return new


def measure_lists(
    ranker: ListRanker,
    episodes: Sequence[Episode],
    items: RankedItems,
    *,
    size: int,
    batch_done: Callable[[int], None] = lambda _: None,
) -> MeasuredLists:
    """Rank the items for each user by the first `size` support ratings, and measure the lists.

    The items of that support set are not ranked. Among equal scores, the item with more training ratings comes first.

    Args:
        ranker: The ranker.
        episodes: One per user; the query items are the relevant ones.
        items: What is ranked.
        size: The support size.
        batch_done: Called with the number of users after every batch.
    """
    lists = np.full((len(episodes), LIST_LENGTH), NO_ITEM, dtype=np.int64)
    hits = np.zeros(lists.shape, dtype=np.bool_)
    is_relevant = np.zeros(len(items.ranked), dtype=np.bool_)
    shortened = [episode.with_support(slice(size)) for episode in episodes]
    users_at_once = max(1, min(BATCH_USERS, _SCORES_AT_ONCE // len(items.ranked)))
    for positions, batch in batches(shortened, users_at_once):
        for user, scores in zip(positions, ranker.scores(batch), strict=True):
            scores[~items.ranked] = -np.inf
            scores[shortened[user].support_items] = -np.inf
            best = best_places(scores, items.counts, LIST_LENGTH)
            best = best[scores[best] > -np.inf]
            lists[user, : len(best)] = best
            is_relevant[episodes[user].query_items] = True
            hits[user, : len(best)] = is_relevant[best]
            is_relevant[episodes[user].query_items] = False
        batch_done(len(positions))
    relevant = np.array([len(episode.query_items) for episode in episodes], dtype=np.int64)
    ranked_lists = RankedLists(lists, hits, relevant, items.information)
    return MeasuredLists(lists, {name: measure.per_user(ranked_lists) for name, measure in LIST_MEASURES.items()})
