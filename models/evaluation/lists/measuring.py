"""The lists of one ranker for the users of the protocol, and their measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.lists import ListRanker
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.splits import Split
from models.evaluation.batch_runner import HERE, BatchRunner
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
    runner: BatchRunner = HERE,
) -> MeasuredLists:
    """Rank the items for each user by the first `size` support ratings, and measure the lists.

    The items of that support set are not ranked. Among equal scores, the item with more training ratings comes first.

    Args:
        ranker: The ranker.
        episodes: One per user; the query items are the relevant ones.
        catalogue: What is ranked.
        size: The support size.
        runner: Runs the ranker.
    """
    lists = np.empty((len(episodes), LIST_LENGTH), dtype=np.int64)
    values = {name: np.empty(len(episodes)) for name in LIST_MEASURES}
    shortened = [episode.with_support(slice(size)) for episode in episodes]
    for positions, _, (found, measured) in runner.run(_Ranked(ranker, catalogue), shortened, users_at_once(catalogue)):
        lists[positions] = found
        for name, of_users in measured.items():
            values[name][positions] = of_users
    over_all = {name: measure.of_all(lists) for name, measure in ALL_LISTS_MEASURES.items()}
    return MeasuredLists(
        users=np.array([episode.user for episode in episodes], dtype=np.int64),
        values=values,
        over_all={name: value for name, value in over_all.items() if not np.isnan(value)},
    )


@dataclass(frozen=True)
class _Ranked:
    """Ranks the items for a batch of users, and measures the lists."""

    ranker: ListRanker
    catalogue: RankedCatalogue

    def __call__(self, batch: EpisodeBatch) -> tuple[NDArray[np.int64], UserValues]:
        catalogue = self.catalogue
        scores = np.where(catalogue.ranked, self.ranker.scores(batch), -np.inf).astype(np.float32)
        for row, items in enumerate(batch.support_items):
            scores[row, items[batch.support_mask[row]]] = -np.inf
        lists = best_items(scores, catalogue.counts)
        relevant_items = [items[mask] for items, mask in zip(batch.query_items, batch.query_mask, strict=True)]
        ranked = RankedLists(
            items=lists,
            hits=np.stack([np.isin(own, items) for own, items in zip(lists, relevant_items, strict=True)]),
            relevant=batch.query_mask.sum(axis=1),
            information=catalogue.information,
            relevant_items=relevant_items,
            scores=scores,
            are_logits=self.ranker.gives_logits,
            users=batch.users.astype(np.int64),
        )
        return lists, {name: measure.per_user(ranked) for name, measure in LIST_MEASURES.items()}


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
