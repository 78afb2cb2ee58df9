"""Repetition: users who look at ten lists, one a day, while the items that they were shown fall."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rules.visitors import mean_of, ndcg, query_of, recall, rows_of
from models.data.dataset import Dataset
from models.data.list_episodes import list_episodes
from models.data.splits import Split
from models.evaluation.figures import Estimate
from models.ranking import Recommender
from models.ranking.query import Boost

_LISTS = 10
_SIZE = 5
HALF_LIVES = (0.0, 0.5, 1.0, 2.0, 7.0, float("inf"))
"""Days after which a showing counts half; 0 for showings that never count."""


@dataclass(frozen=True)
class RepetitionRow:
    """Ten lists with one half-life.

    Attributes:
        half_life: In days.
        distinct: Distinct items that a user sees.
        ndcg: nDCG@10 of a list, mean over the ten.
        of_all: nDCG of all items seen, in the order of their first showing.
        recall: Recall of them.
        relevant: Relevant items among them.
        difference: `relevant` less that of the first row, paired.
    """

    half_life: float
    distinct: Estimate
    ndcg: Estimate
    of_all: Estimate
    recall: Estimate
    relevant: Estimate
    difference: Estimate


def measured(recommender: Recommender, dataset: Dataset, split: Split) -> list[RepetitionRow]:
    """One row for each half-life."""
    episodes = [episode.with_support(slice(_SIZE)) for episode in list_episodes(dataset, split).catalogue]
    queries = [query_of(dataset, episode) for episode in episodes]
    rows: list[RepetitionRow] = []
    first = None
    for half_life in HALF_LIVES:
        seen: list[list[np.ndarray]] = [[] for _ in queries]
        for _ in range(_LISTS):
            asked = [
                replace(query, boosts=_lowered(dataset, lists, half_life))
                for query, lists in zip(queries, seen, strict=True)
            ]
            for lists, ranked in zip(seen, recommender.recommend_many(asked), strict=True):
                lists.append(rows_of(dataset, ranked))
        values = np.array(
            [_values(lists, episode.query_items.tolist()) for lists, episode in zip(seen, episodes, strict=True)]
        )
        first = values[:, -1] if first is None else first
        rows.append(RepetitionRow(half_life, *(mean_of(column) for column in values.T), mean_of(values[:, -1] - first)))
    return rows


def _values(lists: Sequence[np.ndarray], relevant: Sequence[int]) -> tuple[float, float, float, float, float]:
    union = np.array(list(dict.fromkeys(np.concatenate(lists).tolist())), dtype=np.int64)
    hits = int(np.isin(union, relevant).sum())
    quality = float(np.mean([ndcg(items, relevant) for items in lists]))
    return len(union), quality, ndcg(union, relevant), recall(union, relevant), hits


def _lowered(dataset: Dataset, lists: Sequence[np.ndarray], half_life: float) -> list[Boost]:
    """What lowers the items of former lists, one a day, as the service does after events of type `shown`."""
    if not half_life:
        return []
    counts: dict[int, float] = defaultdict(float)
    for age, items in enumerate(reversed(lists), start=1):
        for item in items.tolist():
            counts[item] += 2.0 ** -(age / half_life)
    return [Boost(0.5**count, [dataset.items.ids[item]]) for item, count in counts.items()]
