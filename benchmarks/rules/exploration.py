"""Exploration: how soon good new items are found, and what that costs.

The new items are the newest fifth by release date, which the model does not know. All users come in the order of their
first ratings, in several rounds. A user gets a list by the first ratings of known items. If an item of the list
is one that the user rated later, the user chooses it: the rating is the user's from then on, and counts as made after
training. Items that were shown and not chosen fall, as in the service.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.rules.visitors import LENGTH, attributes_of, mean_of, ndcg, rows_of
from models.data.dataset import UNKNOWN_TIME, Dataset
from models.data.splits import Split
from models.evaluation.figures import Estimate
from models.evaluation.lists.measuring import new_items
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.new_ratings import NewRatings
from models.ranking.query import Boost

STRENGTHS = (0.0, 0.25, 0.5, 1.0)
ROUNDS = 5
SUPPORT = 10
LEAST_LIKES = 20
"""A new item that so many users like is a good one."""

_LEAST_LATER = 5
_STEPS = 20  # of a round; the ratings of a step count from the next one on
_MOST_USERS = 2000


@dataclass(frozen=True)
class Visitor:
    """A user, by rows of the data set.

    Attributes:
        user: The user.
        first: The ratings that are known at the first visit.
        later: Item → rating of all others.
        liked: The items among them that the user likes.
    """

    user: int
    first: list[tuple[int, float]]
    later: dict[int, float]
    liked: set[int]


@dataclass
class _World:
    """What has happened so far.

    Attributes:
        chosen: By visitor, the items chosen so far.
        shown: By visitor, how often each item was shown.
        sums: Item → the number of ratings made since training, their sum, and how many ratings all items had before.
        ratings: The number of all ratings made since training.
    """

    chosen: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    sums: dict[int, tuple[int, float, int]] = field(default_factory=dict)
    ratings: int = 0

    def rate(self, item: int, rating: float) -> None:
        count, total, before = self.sums.get(item, (0, 0.0, self.ratings))
        self.sums[item] = (count + 1, total + rating, before)
        self.ratings += 1

    def new_ratings(self, dataset: Dataset) -> NewRatings:
        return {
            dataset.items.ids[item]: (count, total / count, self.ratings - 1 - before)
            for item, (count, total, before) in self.sums.items()
        }


@dataclass(frozen=True)
class Replay:
    """What one replay showed.

    Attributes:
        quality: float64 [visitors, rounds], the nDCG@10 of each list; NaN where nothing relevant was left.
        liked: float64 [visitors, rounds], items in each list that the user likes and had not chosen before.
        new_shown: float64 [visitors, rounds], new items in each list.
        new_liked: float64 [visitors, rounds], new items in each list that the user likes.
        waited: float64 [good items], in how many lists of users who like the item it was missing before it was in one;
            of an item that was in none, all of their lists.
        found: float64 [good items, rounds], whether it was in a list of a user who likes it by the end of each round.
    """

    quality: NDArray[np.float64]
    liked: NDArray[np.float64]
    new_shown: NDArray[np.float64]
    new_liked: NDArray[np.float64]
    waited: NDArray[np.float64]
    found: NDArray[np.float64]


@dataclass(frozen=True)
class ExplorationRow:
    """The replays with one strength, mean over seeds; differences to no exploration are paired.

    Attributes:
        strength: `RankingQuery.explore`.
        found: Share of the good new items found, by round; over items.
        found_difference: That after the last round, difference.
        waited: `Replay.waited`; over items.
        waited_difference: Its difference.
        ndcg: nDCG@10 of a list; over users.
        ndcg_difference: Its difference.
        liked: Items that a user likes and chooses, in all rounds together; over users.
        liked_difference: Its difference.
        new_shown: New items in a list; over users.
        new_liked: New items in a list that the user likes; over users.
        new_liked_difference: Its difference.
    """

    strength: float
    found: Sequence[Estimate]
    found_difference: Estimate
    waited: Estimate
    waited_difference: Estimate
    ndcg: Estimate
    ndcg_difference: Estimate
    liked: Estimate
    liked_difference: Estimate
    new_shown: Estimate
    new_liked: Estimate
    new_liked_difference: Estimate


@dataclass(frozen=True)
class ExplorationFigures:
    """All replays.

    Attributes:
        users: How many users come.
        new: How many items are new.
        good: How many of them are good.
        seeds: Replays of each strength.
        rows: One for each strength.
    """

    users: int
    new: int
    good: int
    seeds: int
    rows: Sequence[ExplorationRow]


def measured(recommender: Recommender, dataset: Dataset, split: Split, *, seeds: int) -> ExplorationFigures | None:
    """Replay with each strength; None if the data set has no times, or no new item is good."""
    if dataset.ratings.times is None:
        return None
    new = new_items(dataset, split)
    visitors = _visitors(dataset, new)
    likes = Counter(item for visitor in visitors for item in visitor.liked)
    good = [item for item in np.flatnonzero(new).tolist() if likes[item] >= LEAST_LIKES]
    if not good:
        return None
    replays = {
        strength: [
            _replay(recommender, dataset, visitors, new, good, strength=strength, seed=seed)
            for seed in range(seeds if strength else 1)
        ]
        for strength in STRENGTHS
    }
    plain = replays[0.0][0]
    rows = [_row(strength, own, plain) for strength, own in replays.items()]
    return ExplorationFigures(len(visitors), int(new.sum()), len(good), seeds, rows)


def _visitors(dataset: Dataset, new: NDArray[np.bool_]) -> list[Visitor]:
    """The users with enough ratings, in the order of their first ratings, at most `_MOST_USERS` of them."""
    ratings = dataset.ratings
    assert ratings.times is not None  # noqa: S101 - the caller has looked
    found = []
    for user in range(len(dataset.users)):
        rows = np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        rows = rows[np.argsort(ratings.times[rows], kind="stable")]
        known = rows[~new[ratings.items[rows]]]
        first, later = known[:SUPPORT], np.setdiff1d(rows, known[:SUPPORT])
        if len(first) < SUPPORT or len(later) < _LEAST_LATER:
            continue
        items, values = ratings.items, ratings.values
        visitor = Visitor(
            user,
            first=[(int(items[row]), float(values[row])) for row in first],
            later={int(items[row]): float(values[row]) for row in later},
            liked={int(items[row]) for row in later if dataset.liked[row]},
        )
        found.append((int(ratings.times[rows[0]]), user, visitor))
    return [visitor for *_, visitor in sorted(found, key=lambda each: each[:2])][:_MOST_USERS]


def _replay(
    recommender: Recommender,
    dataset: Dataset,
    visitors: Sequence[Visitor],
    new: NDArray[np.bool_],
    good: Sequence[int],
    *,
    strength: float,
    seed: int,
) -> Replay:
    world, shape = _World(), (len(visitors), ROUNDS)
    quality, liked, new_shown, new_liked = (np.full(shape, np.nan) for _ in range(4))
    found, waited = np.zeros((len(good), ROUNDS)), np.zeros(len(good))
    for number in range(ROUNDS):
        for places in np.array_split(np.arange(len(visitors)), _STEPS):
            queries = [
                _query(dataset, visitors[place], place, world, strength, [seed, number, place])
                for place in places.tolist()
            ]
            for place, ranked in zip(places.tolist(), recommender.recommend_many(queries), strict=True):
                visitor, rows = visitors[place], rows_of(dataset, ranked)
                left = visitor.liked - set(world.chosen[place])
                if left:
                    quality[place, number] = ndcg(rows, left)
                liked[place, number] = np.isin(rows, list(left)).sum()
                new_shown[place, number] = new[rows].sum()
                new_liked[place, number] = sum(new[item] and item in left for item in rows.tolist())
                for column, item in enumerate(good):
                    if item in left and not found[column].any():
                        if item in rows:
                            found[column, number:] = 1
                        else:
                            waited[column] += 1
                world.shown[place].update(rows.tolist())
                for item in rows.tolist():
                    if item in visitor.later:
                        world.chosen[place].append(item)
                        world.rate(item, visitor.later[item])
            recommender = recommender.with_new_ratings(world.new_ratings(dataset))
    return Replay(quality, liked, new_shown, new_liked, waited, found)


def _query(
    dataset: Dataset, visitor: Visitor, place: int, world: _World, strength: float, seed: Sequence[int]
) -> RankingQuery:
    ids, chosen = dataset.items.ids, world.chosen[place]
    rated = [*visitor.first, *((item, visitor.later[item]) for item in chosen)]
    lowered = [Boost(0.5**count, [ids[item]]) for item, count in world.shown[place].items() if item not in chosen]
    return RankingQuery(
        attributes=attributes_of(dataset, visitor.user),
        ratings=[ItemRating(ids[item], rating, UNKNOWN_TIME) for item, rating in rated],
        n=LENGTH,
        boosts=lowered,
        explore=strength,
        seed=int(np.random.SeedSequence(seed).generate_state(1)[0]),
    )


def _row(strength: float, replays: Sequence[Replay], plain: Replay) -> ExplorationRow:
    quality, liked, new_shown, new_liked, waited, found = (
        np.mean([getattr(replay, name) for replay in replays], axis=0)
        for name in ("quality", "liked", "new_shown", "new_liked", "waited", "found")
    )
    return ExplorationRow(
        strength=strength,
        found=[mean_of(column) for column in found.T],
        found_difference=mean_of(found[:, -1] - plain.found[:, -1]),
        waited=mean_of(waited),
        waited_difference=mean_of(waited - plain.waited),
        ndcg=mean_of(_of_user(quality)),
        ndcg_difference=mean_of(_of_user(quality) - _of_user(plain.quality)),
        liked=mean_of(liked.sum(axis=1)),
        liked_difference=mean_of((liked - plain.liked).sum(axis=1)),
        new_shown=mean_of(_of_user(new_shown)),
        new_liked=mean_of(_of_user(new_liked)),
        new_liked_difference=mean_of(_of_user(new_liked) - _of_user(plain.new_liked)),
    )


def _of_user(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over rounds of float64 [users, rounds]; NaN for a user without any."""
    defined = ~np.isnan(values)
    counts = defined.sum(axis=1)
    sums = np.where(defined, values, 0).sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0))
