"""Diversity: what it changes in lists of new users, and in lists of similar items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.rules.visitors import LENGTH, mean_of, ndcg, query_of, recall, rows_of
from models.data.dataset import Dataset
from models.data.list_episodes import ListEpisodes, list_episodes
from models.data.splits import Split
from models.evaluation.figures import Estimate
from models.ranking import Recommender
from models.ranking.similar import SimilarQuery, similar_items
from models.ranking.similarities import attribute_cosines, similarities

DIVERSITIES = tuple(place / 10 for place in range(10))
SIZES = (5, 20)
"""Ratings of a user."""

MOST_LOSS = 0.01
"""The nDCG that a default for all lists may cost at most."""

_SEED_ITEMS = 200
_QUALITY, _RECALL, _BY_ATTRIBUTES, _BY_BOTH = "nDCG@10", "recall@10", "distance by attributes", "distance by both"


@dataclass(frozen=True)
class Curve:
    """Lists at each of `DIVERSITIES`.

    Attributes:
        users: Over how many users, or seed items, means are taken.
        values: By measure, its mean.
        differences: By measure, its mean less that without diversity, paired.
        distinct: Distinct items in all lists, mean over draws; None for similar items.
    """

    users: int
    values: Mapping[str, Sequence[Estimate]]
    differences: Mapping[str, Sequence[Estimate]]
    distinct: Sequence[float] | None


@dataclass(frozen=True)
class DiversityFigures:
    """All curves.

    Attributes:
        draws: Draws of each user's ratings.
        lists: By number of ratings, the lists of new users.
        validation: By number of ratings, the lists of the users who are held out for validation.
        similar: Lists of similar items.
        chosen: The largest diversity up to which the nDCG of the validation users loses less than `MOST_LOSS` for sure.
    """

    draws: int
    lists: Mapping[int, Curve]
    validation: Mapping[int, Curve]
    similar: Curve
    chosen: float


def measured(recommender: Recommender, dataset: Dataset, split: Split, *, draws: int) -> DiversityFigures:
    """All curves, for the items of a data set and a research model."""
    new = [list_episodes(dataset, split, seed=seed) for seed in range(draws)]
    held_out = [list_episodes(dataset, split, users=split.validation_users, seed=seed) for seed in range(draws)]
    validation = {size: _lists(recommender, dataset, held_out, size) for size in _sizes(held_out)}
    return DiversityFigures(
        draws=draws,
        lists={size: _lists(recommender, dataset, new, size) for size in _sizes(new)},
        validation=validation,
        similar=_similar(recommender, dataset),
        chosen=chosen(list(validation.values())),
    )


def chosen(curves: Sequence[Curve]) -> float:
    """The largest diversity up to which the whole interval of every curve's loss of nDCG is below `MOST_LOSS`.

    Whether a loss is within chance would not do: the fewer users there are, the larger a diversity that would allow.
    """
    best = 0.0
    for place, diversity in enumerate(DIVERSITIES):
        if any(curve.differences[_QUALITY][place].ends[0] <= -MOST_LOSS for curve in curves):
            break
        best = diversity
    return best


def _sizes(draws: Sequence[ListEpisodes]) -> list[int]:
    return [size for size in SIZES if size <= draws[0].sizes[-1]]


def _lists(recommender: Recommender, dataset: Dataset, draws: Sequence[ListEpisodes], size: int) -> Curve:
    """The curve of some users' lists after `size` ratings. A user's value is the mean over draws."""
    users = sorted({episode.user for draw in draws for episode in draw.catalogue})
    names = (_QUALITY, _RECALL, _BY_ATTRIBUTES, _BY_BOTH)
    sums, counts = np.zeros((len(names), len(users), len(DIVERSITIES))), np.zeros(len(users))
    distinct = np.zeros((len(draws), len(DIVERSITIES)))
    place_of = {user: place for place, user in enumerate(users)}
    for number, draw in enumerate(draws):
        own = [place_of[episode.user] for episode in draw.catalogue]
        counts[own] += 1
        queries = [query_of(dataset, episode.with_support(slice(size))) for episode in draw.catalogue]
        for column, diversity in enumerate(DIVERSITIES):
            lists = recommender.recommend_many([replace(query, diversity=diversity) for query in queries])
            rows = [rows_of(dataset, ranked) for ranked in lists]
            distinct[number, column] = len(np.unique(np.concatenate(rows)))
            for place, episode, items in zip(own, draw.catalogue, rows, strict=True):
                relevant = episode.query_items.tolist()
                sums[:, place, column] += (
                    ndcg(items, relevant),
                    recall(items, relevant),
                    *_distances(recommender, items),
                )
    return _curve(dict(zip(names, sums / counts[:, None], strict=True)), distinct.mean(axis=0).tolist())


def _similar(recommender: Recommender, dataset: Dataset) -> Curve:
    """The curve of lists of similar items, for random seed items."""
    seeds = np.random.default_rng(0).permutation(len(dataset.items))[:_SEED_ITEMS].tolist()
    catalogue = recommender.catalogue
    names = ("similarity to the seed", _BY_ATTRIBUTES, _BY_BOTH)
    values = np.zeros((len(names), len(seeds), len(DIVERSITIES)))
    for place, item in enumerate(seeds):
        for column, diversity in enumerate(DIVERSITIES):
            query = SimilarQuery([dataset.items.ids[item]], LENGTH, diversity=diversity)
            rows = np.array(
                [catalogue.row_of(each.item_id) for each in similar_items(catalogue, query)], dtype=np.int64
            )
            to_seed = similarities(catalogue, np.array([catalogue.row_of(dataset.items.ids[item]), *rows.tolist()]))
            values[:, place, column] = to_seed[0, 1:].mean(), *_distances(recommender, rows)
    return _curve(dict(zip(names, values, strict=True)), None)


def _distances(recommender: Recommender, rows: NDArray[np.int64]) -> tuple[float, float]:
    """1 − the mean similarity of two items of a list, by attributes alone, and by attributes and taste."""
    pairs = np.triu_indices(len(rows), k=1)
    catalogue = recommender.catalogue
    return (
        float(1 - attribute_cosines(catalogue, rows)[pairs].mean()),
        float(1 - similarities(catalogue, rows)[pairs].mean()),
    )


def _curve(values: Mapping[str, NDArray[np.float64]], distinct: Sequence[float] | None) -> Curve:
    """The curve of some measures, each float64 [users, diversities]."""
    columns = range(len(DIVERSITIES))
    return Curve(
        users=len(next(iter(values.values()))),
        values={name: [mean_of(own[:, column]) for column in columns] for name, own in values.items()},
        differences={name: [mean_of(own[:, column] - own[:, 0]) for column in columns] for name, own in values.items()},
        distinct=distinct,
    )
