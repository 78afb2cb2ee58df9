"""The lists of one ranker for the users of the protocol, and their measures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.lists import ListRanker
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.splits import Split
from models.evaluation.estimates import UserValues
from models.evaluation.predictors import BATCH_USERS
from models.metrics.lists import ALL_LISTS_MEASURES, LIST_LENGTH, LIST_MEASURES, NO_ITEM, RankedLists
from models.metrics.lists.novelty import information
from models.ranking.best import best_places

_SCORES_AT_ONCE = 2_000_000
"""Scores of one batch of users, which bounds the memory."""

_LEAST_SCORE = float(np.finfo(np.float32).min)
"""Lower than all finite scores, and higher than that of an item that is not ranked."""


@dataclass(frozen=True)
class MeasuredLists:
    """The measures of one ranker's lists at one support size.

    Attributes:
        users: int64 [U], rows of the users.
        values: By the names in `LIST_MEASURES`, each user's value.
        over_all: By the names in `ALL_LISTS_MEASURES`, the value for the lists of all users, where it is defined.
    """

    users: NDArray[np.int64]
    values: UserValues
    over_all: Mapping[str, float]


@dataclass(frozen=True)
class RankedCatalogue:
    """The items that are ranked, and what the measures need to know of them.

    Attributes:
        ranked: bool [items], the items that are ranked.
        counts: int64 [items], the number of training ratings of each item. It resolves ties, as in serving.
        information: float64 [items], as in `RankedLists`.
    """

    ranked: NDArray[np.bool_]
    counts: NDArray[np.int64]
    information: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset, training: NDArray[np.bool_]) -> "RankedCatalogue":
        """All items of a data set, of whose ratings `training` (bool [ratings]) are known."""
        counts = np.bincount(dataset.ratings.items[training], minlength=len(dataset.items))
        users = len(np.unique(dataset.ratings.users[training]))
        return cls(np.ones(len(dataset.items), dtype=np.bool_), counts, information(counts, users))

    def only(self, ranked: NDArray[np.bool_]) -> "RankedCatalogue":
        """The same with other items ranked (bool [items])."""
        return RankedCatalogue(ranked, self.counts, self.information)


def new_items(dataset: Dataset, split: Split) -> NDArray[np.bool_]:
    """The rated items that the split makes new; bool [items]."""
    new = np.zeros(len(dataset.items), dtype=np.bool_)
    new[dataset.ratings.items[np.isin(split.states, (State.ITEM_COLD, State.USER_AND_ITEM_COLD))]] = True
    return new


def measure_lists(
    ranker: ListRanker,
    episodes: Sequence[Episode],
    catalogue: RankedCatalogue,
    *,
    size: int,
    batch_done: Callable[[int], None] = lambda _: None,
) -> MeasuredLists:
    """Rank the items for each user by the first `size` support ratings, and measure the lists.

    The items of that support set are not ranked. Among equal scores, the item with more training ratings comes first.

    Args:
        ranker: The ranker.
        episodes: One per user; the query items are the relevant ones.
        catalogue: What is ranked.
        size: The support size.
        batch_done: Called with the number of users after every batch.
    """
    lists = np.empty((len(episodes), LIST_LENGTH), dtype=np.int64)
    values = {name: np.empty(len(episodes)) for name in LIST_MEASURES}
    shortened = [episode.with_support(slice(size)) for episode in episodes]
    for positions, batch in batches(shortened, users_at_once(catalogue)):
        scores = np.where(catalogue.ranked, ranker.scores(batch), -np.inf).astype(np.float32)
        for row, user in enumerate(positions):
            scores[row, shortened[user].support_items] = -np.inf
        lists[positions] = best_items(scores, catalogue.counts)
        relevant_items = [episodes[user].query_items for user in positions]
        ranked_lists = RankedLists(
            items=lists[positions],
            hits=np.stack([np.isin(lists[user], items) for user, items in zip(positions, relevant_items, strict=True)]),
            relevant=np.array([len(items) for items in relevant_items], dtype=np.int64),
            information=catalogue.information,
            relevant_items=relevant_items,
            scores=scores,
            are_logits=ranker.gives_logits,
            users=batch.users.astype(np.int64),
        )
        for name, measure in LIST_MEASURES.items():
            values[name][positions] = measure.per_user(ranked_lists)
        batch_done(len(positions))
    over_all = {name: measure.of_all(lists) for name, measure in ALL_LISTS_MEASURES.items()}
    return MeasuredLists(
        users=np.array([episode.user for episode in episodes], dtype=np.int64),
        values=values,
        over_all={name: value for name, value in over_all.items() if not np.isnan(value)},
    )


def users_at_once(catalogue: RankedCatalogue) -> int:
    """How many users to rank in one batch."""
    return max(1, min(BATCH_USERS, _SCORES_AT_ONCE // len(catalogue.ranked)))


def best_items(scores: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The items of each user's list, int64 [U, 10] as in `RankedLists`.

    Args:
        scores: float32 [U, items]; −∞ is the score of an item that is not ranked.
        counts: int64 [items], the number of training ratings of each item, which resolves ties.
    """
    lists = np.full((len(scores), LIST_LENGTH), NO_ITEM, dtype=np.int64)
    # The score of each list's last item. It takes torch a fraction of numpy's time.
    last = torch.from_numpy(scores).topk(min(LIST_LENGTH, scores.shape[1]), dim=1).values[:, -1].tolist()
    for user, least in enumerate(last):
        # With all items that reach the last place, so that ties there are resolved like all others.
        places = np.flatnonzero(scores[user] >= max(least, _LEAST_SCORE))
        best = places[best_places(scores[user, places], counts[places], LIST_LENGTH)]
        lists[user, : len(best)] = best
    return lists
