"""Episodes: one user's support set and query set, drawn for training or for evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.data.dataset import UNKNOWN_TIME, Dataset, Ratings, State
from models.data.malformed import DataError
from models.data.schema import A_RATING
from models.data.splits import Split

USER_FOLDS = 4
"""Folds of users, for out-of-fold inputs. It bounds the training time, because each fold needs a
factorisation. Episodes and inputs must agree on it, so it is no setting of either."""

NumberT = TypeVar("NumberT", bound=np.generic)
RowsT = TypeVar("RowsT", NDArray[Any], Tensor)

_MIN_SAVED_ROWS = 256
"""Rows of padding that another part of a batch must save: they cost as much time as a part (measured on a CPU, with two
hidden layers of 64)."""


class Order(StrEnum):
    """How an evaluation chooses a user's query ratings: at random, or the latest ones."""

    RANDOM = "random"
    TIME = "time"


@dataclass(frozen=True)
class Episode:
    """One user's task: predict the query ratings from the support ratings. Users and items are rows of their tables.

    Attributes:
        state: The state that the ratings are in.
        user: Row of the user.
        support_items: int32 [S], rows of items; S may be 0.
        support_ratings: float32 [S].
        query_items: int32 [Q], Q ≥ 1.
        query_ratings: float32 [Q].
        support_times: int64 [S], seconds since 1970, `UNKNOWN_TIME` where unknown. None if the data set has no times.
        query_times: int64 [Q], likewise.
        support_kinds: int8 [S], kinds of interactions as in `Ratings.kinds`. None if all are ratings.
        query_kinds: int8 [Q], likewise.
    """

    state: State
    user: int
    support_items: NDArray[np.int32]
    support_ratings: NDArray[np.float32]
    query_items: NDArray[np.int32]
    query_ratings: NDArray[np.float32]
    support_times: NDArray[np.int64] | None = None
    query_times: NDArray[np.int64] | None = None
    support_kinds: NDArray[np.int8] | None = None
    query_kinds: NDArray[np.int8] | None = None

    @classmethod
    def of(
        cls, ratings: Ratings, *, state: State, user: int, support: NDArray[np.int64], query: NDArray[np.int64]
    ) -> Self:
        """The episode of these support and query ratings, both given by their rows in `ratings`."""
        times, kinds = ratings.times, ratings.kinds
        return cls(
            state=state,
            user=user,
            support_items=ratings.items[support],
            support_ratings=ratings.values[support],
            query_items=ratings.items[query],
            query_ratings=ratings.values[query],
            support_times=None if times is None else times[support],
            query_times=None if times is None else times[query],
            support_kinds=None if kinds is None else kinds[support],
            query_kinds=None if kinds is None else kinds[query],
        )

    def with_support(self, kept: slice | NDArray[np.bool_]) -> Self:
        """The same episode with a part of its support set.

        Args:
            kept: A slice, or bool [S].
        """
        return replace(
            self,
            support_items=self.support_items[kept],
            support_ratings=self.support_ratings[kept],
            support_times=None if self.support_times is None else self.support_times[kept],
            support_kinds=None if self.support_kinds is None else self.support_kinds[kept],
        )


@dataclass(frozen=True)
class EpisodeBatch:
    """B episodes, padded at the end to the largest support size S and query size Q with item row 0, rating 0, time 0.

    Attributes:
        users: int32 [B].
        support_items: int32 [B, S].
        support_ratings: float32 [B, S].
        support_mask: bool [B, S].
        query_items: int32 [B, Q].
        query_ratings: float32 [B, Q].
        query_mask: bool [B, Q].
        support_times: int64 [B, S], `UNKNOWN_TIME` where unknown. None if no episode has times.
        query_times: int64 [B, Q], likewise.
        support_kinds: int8 [B, S], kinds of interactions as in `Ratings.kinds`. None if all are ratings.
        query_kinds: int8 [B, Q], likewise.
    """

    users: NDArray[np.int32]
    support_items: NDArray[np.int32]
    support_ratings: NDArray[np.float32]
    support_mask: NDArray[np.bool_]
    query_items: NDArray[np.int32]
    query_ratings: NDArray[np.float32]
    query_mask: NDArray[np.bool_]
    support_times: NDArray[np.int64] | None = None
    query_times: NDArray[np.int64] | None = None
    support_kinds: NDArray[np.int8] | None = None
    query_kinds: NDArray[np.int8] | None = None

    @classmethod
    def of(cls, episodes: Sequence[Episode]) -> "EpisodeBatch":
        """Pad episodes into one batch."""
        support_mask = _mask([len(episode.support_items) for episode in episodes])
        query_mask = _mask([len(episode.query_items) for episode in episodes])
        return cls(
            users=np.array([episode.user for episode in episodes], dtype=np.int32),
            support_items=_pad([episode.support_items for episode in episodes], support_mask),
            support_ratings=_pad([episode.support_ratings for episode in episodes], support_mask),
            support_mask=support_mask,
            query_items=_pad([episode.query_items for episode in episodes], query_mask),
            query_ratings=_pad([episode.query_ratings for episode in episodes], query_mask),
            query_mask=query_mask,
            support_times=_pad_optional([episode.support_times for episode in episodes], support_mask, UNKNOWN_TIME),
            query_times=_pad_optional([episode.query_times for episode in episodes], query_mask, UNKNOWN_TIME),
            support_kinds=_pad_optional([episode.support_kinds for episode in episodes], support_mask, A_RATING),
            query_kinds=_pad_optional([episode.query_kinds for episode in episodes], query_mask, A_RATING),
        )

    def take(self, rows: slice | NDArray[np.int64]) -> "EpisodeBatch":
        """Some of the episodes, with the padding that they have."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: array[rows] for name, array in arrays.items() if array is not None})

    @property
    def support_rated(self) -> NDArray[np.bool_]:
        """Bool [B, S]: where the support sets hold ratings, and neither interactions nor padding."""
        return self.support_mask if self.support_kinds is None else self.support_mask & (self.support_kinds == A_RATING)

    @property
    def now(self) -> NDArray[np.int64] | None:
        """When predictions are wanted: the time of each user's earliest query rating.

        int64 [B], `UNKNOWN_TIME` for a user whose query times are all unknown. None if no episode has times.
        """
        if self.query_times is None:
            return None
        latest_possible = np.iinfo(np.int64).max
        earliest = np.where(self.query_times == UNKNOWN_TIME, latest_possible, self.query_times).min(axis=1)
        return np.where(earliest == latest_possible, UNKNOWN_TIME, earliest)

    def parts(self) -> list[tuple[slice, int]]:
        """Parts of the batch to adapt to one after the other: their rows, and the largest support size of each.

        The batch is cut where that saves more padding than another part costs. That happens only if the episodes are
        sorted by support size.
        """
        return parts_of(self.support_mask.sum(axis=1))


def parts_of(sizes: NDArray[np.int64], *, min_saved_rows: int | None = None) -> list[tuple[slice, int]]:
    """Parts of a batch to adapt to one after the other: their rows, and the largest support size of each.

    Args:
        sizes: int64 [B], the support sizes of the episodes.
        min_saved_rows: Rows of padding that another part must save; None for what suits a processor.
    """
    return _cut(np.maximum.accumulate(sizes), 0, _MIN_SAVED_ROWS if min_saved_rows is None else min_saved_rows)


def _cut(largest: NDArray[np.int64], start: int, min_saved_rows: int) -> list[tuple[slice, int]]:
    """Cut rows into parts.

    Args:
        largest: int64 [rows], the largest support size up to each row.
        start: The index of the first row.
        min_saved_rows: Rows of padding that another part must save.
    """
    count = len(largest)
    before = np.arange(1, count)
    saved = before * (largest[-1] - largest[:-1])
    if saved.max(initial=0) < min_saved_rows:
        return [(slice(start, start + count), int(largest[-1]))]
    cut = int(before[np.argmax(saved)])
    parts = ((largest[:cut], start), (largest[cut:], start + cut))
    return [part for rows, first in parts for part in _cut(rows, first, min_saved_rows)]


def _mask(lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Where rows of these lengths hold values once they are padded; bool [rows, longest]."""
    return np.arange(max(lengths, default=0)) < np.array(lengths)[:, None]


def _pad(rows: Sequence[NDArray[NumberT]], mask: NDArray[np.bool_]) -> NDArray[NumberT]:
    values = np.concatenate(rows)
    padded = np.zeros_like(values, shape=mask.shape)
    padded[mask] = values
    return padded


def _pad_optional(
    rows: Sequence[NDArray[NumberT] | None], mask: NDArray[np.bool_], missing: int
) -> NDArray[NumberT] | None:
    """Pad rows. An unknown row holds only `missing`. None if all rows are unknown."""
    known = next((values for values in rows if values is not None), None)
    if known is None:
        return None
    lengths = mask.sum(axis=1)
    return _pad(
        [
            np.full_like(known, missing, shape=length) if values is None else values
            for values, length in zip(rows, lengths, strict=True)
        ],
        mask,
    )


def batches(episodes: Sequence[Episode], size: int) -> Iterator[tuple[NDArray[np.int64], EpisodeBatch]]:
    """Batches of episodes with similar support sizes, each with the positions of its episodes in `episodes`."""
    order = np.argsort([len(episode.support_items) for episode in episodes], kind="stable")
    for start in range(0, len(order), size):
        positions = order[start : start + size]
        yield positions, EpisodeBatch.of([episodes[position] for position in positions])


def fold_of(users: NDArray[np.integer]) -> NDArray[np.integer]:
    """The fold of each user, by row; int [users], 0 … `USER_FOLDS` − 1.

    In training, users of one fold see items through the ratings of the other folds
    (`models.inputs.collaborative_inputs.OutOfFold`). Rows follow the order of the files, which is unrelated to tastes.
    """
    return users % USER_FOLDS


def trains_combinations(users: RowsT) -> RowsT:
    """Which users, by row, train the combination of several learners; bool [users]. The others train the learners.

    A learner that memorises looks better than it is on the users that it was trained on. A tenth of each fold is
    enough, because a combination has few weights.
    """
    return users // USER_FOLDS % 10 == 0  # type: ignore[no-any-return]  # numpy's is Any


class TrainingEpisodes:
    """Draws training episodes: every user once an epoch, with random support and query sets.

    Support sizes are log-uniform, so that one model serves users with 1 rating as well as users with 80.

    Attributes:
        ratings: The ratings of the data set.
        rows: int64 [training ratings], their rows in `ratings`, user after user.
        starts: int64 [users of the data set], where the rows of each user start in `rows`.
        counts: int64 [users of the data set], how many there are.
        users: int64 [users], the users that are drawn: those with two training ratings.
        max_support: The largest support size.
        max_query: The largest query size.
        in_order_of_time: Share of the episodes in order of time.
    """

    def __init__(
        self,
        dataset: Dataset,
        training: NDArray[np.bool_],
        *,
        max_support: int,
        max_query: int,
        in_order_of_time: float = 0.0,
    ) -> None:
        """Find the training ratings of each user.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used. A user with fewer than 2 of them is not drawn.
            max_support: The largest support size.
            max_query: The largest query size.
            in_order_of_time: Share of the episodes in which the support set is the user's earliest ratings, and the
                query set those that follow. It is ignored if the data set has no times.

        Raises:
            DataError: No user has 2 training ratings.
        """
        self.ratings = dataset.ratings
        self.rows: NDArray[np.int64] = np.flatnonzero(training)
        self.counts: NDArray[np.int64] = np.bincount(dataset.ratings.users[self.rows], minlength=len(dataset.users))
        self.starts: NDArray[np.int64] = np.cumsum(self.counts) - self.counts
        self.users: NDArray[np.int64] = np.flatnonzero(self.counts >= 2)
        if not self.users.size:
            raise DataError("no user has two ratings to train on")
        self.max_support = max_support
        self.max_query = max_query
        self.in_order_of_time = 0.0 if dataset.ratings.times is None else in_order_of_time

    def epoch(
        self, generator: np.random.Generator, batch_users: int, users: NDArray[np.int64] | None = None
    ) -> Iterator[EpisodeBatch]:
        """One pass over users in random order.

        The users of a batch belong to one fold, and its episodes are sorted by support size.

        Args:
            generator: Draws the episodes and their order.
            batch_users: Users of a batch.
            users: int64 [episodes], the rows of the users, with repetitions; every user once by default.
        """
        for group in self.groups(generator, batch_users, users):
            episodes = [self._draw(int(user), generator) for user in group]
            yield EpisodeBatch.of(sorted(episodes, key=lambda episode: len(episode.support_items)))

    def groups(
        self, generator: np.random.Generator, batch_users: int, users: NDArray[np.int64] | None = None
    ) -> Iterator[NDArray[np.int64]]:
        """The users of the batches of one epoch, in random order; arguments as in `epoch`."""
        order = generator.permutation(self.users if users is None else users)
        folds = [order[fold_of(order) == fold] for fold in range(USER_FOLDS)]
        groups = [users[start : start + batch_users] for users in folds for start in range(0, len(users), batch_users)]
        for place in generator.permutation(len(groups)):
            yield groups[place]

    def _draw(self, user: int, generator: np.random.Generator) -> Episode:
        rows = self.rows[self.starts[user] + generator.permutation(self.counts[user])]
        times = self.ratings.times
        if times is not None and self.in_order_of_time and generator.random() < self.in_order_of_time:
            rows = rows[np.argsort(times[rows], kind="stable")]
        largest = min(self.max_support, len(rows) - 1)
        support_size = int(np.exp(generator.uniform(0.0, np.log(largest + 1))))
        return Episode.of(
            self.ratings,
            state=State.WARM,
            user=user,
            support=rows[:support_size],
            query=rows[support_size : support_size + self.max_query],
        )


def evaluation_episodes(
    dataset: Dataset,
    split: Split,
    state: State,
    *,
    users: NDArray[np.bool_] | None = None,
    in_sample: bool = False,
    order: Order = Order.RANDOM,
    query_size: int = 10,
    min_ratings: int = 13,
    max_ratings: int = 100,
    seed: int = 0,
) -> list[Episode]:
    """The protocol's episodes of one state.

    In random order, the query set is drawn from the user's ratings, and the support set is all the others. In order of
    time, the query set is the latest ratings, and the support set is all ratings before the first of them, earliest
    first. Ratings of the same time keep the order of the file. Ratings of unknown time come first.

    The users of the warm state are known to the model, so their query ratings are held-out ones (`Split.test`); users
    without any are left out. In order of time, these are the latest held-out ratings, and the user's other ratings that
    are later than the first of them are in neither set. Interactions are in no set.

    Args:
        dataset: The data set.
        split: Its division.
        state: Whose ratings are used.
        users: bool [users], to take these users only, and all of their ratings in the state; all users by default.
        in_sample: Take the warm state's query ratings from all ratings of a user, trained on or not.
        order: How the query set is chosen.
        query_size: The largest query size.
        min_ratings: A user with fewer ratings in the state is left out.
        max_ratings: A user with more ratings in the state is left out.
        seed: A user's draw depends on the seed, the state and the user's row alone, not on the other users.

    Raises:
        DataError: Order of time is wanted, and the data set has no times.
    """
    ratings = dataset.ratings
    times = ratings.times if order is Order.TIME else None
    if order is Order.TIME and times is None:
        raise DataError("the ratings have no times: evaluate them in random order")
    held_out_only = state is State.WARM and users is None and not in_sample
    episodes = []
    for user in range(len(dataset.users)) if users is None else np.flatnonzero(users).tolist():
        of_user = slice(ratings.offsets[user], ratings.offsets[user + 1])
        rows = of_user.start + np.flatnonzero((split.states[of_user] == state) & ratings.rated[of_user])
        if not min_ratings <= len(rows) <= max_ratings:
            continue
        if times is not None:
            rows = rows[np.argsort(times[rows], kind="stable")]
            places = np.flatnonzero(split.test[rows]) if held_out_only else np.arange(len(rows))
            query = rows[places[-query_size:]]
            support = rows[: places[-query_size:].min(initial=len(rows))]
        else:
            rows = np.random.default_rng([seed, state, user]).permutation(rows)
            query = (rows[split.test[rows]] if held_out_only else rows)[:query_size]
            support = rows[~np.isin(rows, query)]
        if len(query):
            episodes.append(Episode.of(ratings, state=state, user=user, support=support, query=query))
    return episodes
