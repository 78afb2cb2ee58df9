"""Episodes: one user's support set and query set, drawn for training, drawn for evaluation, or read from a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.malformed import DataError
from models.data.splits import Split

USER_FOLDS = 4

NumberT = TypeVar("NumberT", bound=np.generic)

_WORTH_A_PART = 256
"""Rows of padding that cost as much as another part of a batch (measured on a CPU, with two hidden layers of 64)."""


@dataclass(frozen=True)
class Episode:
    """One user's task, as rows of the data set's tables.

    Attributes:
        state: The cell that the ratings come from.
        user: Row of the user.
        support_items: int32 [S], rows of items; S may be 0.
        support_ratings: float32 [S].
        query_items: int32 [Q], Q ≥ 1.
        query_ratings: float32 [Q].
    """

    state: State
    user: int
    support_items: NDArray[np.int32]
    support_ratings: NDArray[np.float32]
    query_items: NDArray[np.int32]
    query_ratings: NDArray[np.float32]


@dataclass(frozen=True)
class EpisodeBatch:
    """B episodes padded to the largest support S and query Q; padding is behind the rest: item row 0, rating 0.

    Attributes:
        users: int32 [B].
        support_items: int32 [B, S].
        support_ratings: float32 [B, S].
        support_mask: bool [B, S].
        query_items: int32 [B, Q].
        query_ratings: float32 [B, Q].
        query_mask: bool [B, Q].
    """

    users: NDArray[np.int32]
    support_items: NDArray[np.int32]
    support_ratings: NDArray[np.float32]
    support_mask: NDArray[np.bool_]
    query_items: NDArray[np.int32]
    query_ratings: NDArray[np.float32]
    query_mask: NDArray[np.bool_]

    @classmethod
    def of(cls, episodes: Sequence[Episode]) -> "EpisodeBatch":
        """Pad episodes into one batch."""
        support_items, support_mask = _pad([episode.support_items for episode in episodes], np.int32)
        query_items, query_mask = _pad([episode.query_items for episode in episodes], np.int32)
        return cls(
            users=np.array([episode.user for episode in episodes], dtype=np.int32),
            support_items=support_items,
            support_ratings=_pad([episode.support_ratings for episode in episodes], np.float32)[0],
            support_mask=support_mask,
            query_items=query_items,
            query_ratings=_pad([episode.query_ratings for episode in episodes], np.float32)[0],
            query_mask=query_mask,
        )

    def parts(self) -> list[tuple[slice, int]]:
        """Rows of the parts to adapt to one after the other, and the size of each part's largest support set.

        A batch is cut for as long as that spares more padding than another part costs, which it only does where the
        episodes come in the order of their support sizes.
        """
        return _cut(np.maximum.accumulate(self.support_mask.sum(axis=1)), 0)


def _cut(largest: NDArray[np.int64], start: int) -> list[tuple[slice, int]]:
    """Parts of the rows from `start` on, given the largest support up to each (int64 [rows], rising)."""
    count = len(largest)
    before = np.arange(1, count)
    spared = before * (largest[-1] - largest[:-1])
    if spared.max(initial=0) < _WORTH_A_PART:
        return [(slice(start, start + count), int(largest[-1]))]
    cut = int(before[np.argmax(spared)])
    return _cut(largest[:cut], start) + _cut(largest[cut:], start + cut)


def _pad(rows: Sequence[NDArray[NumberT]], dtype: type[NumberT]) -> tuple[NDArray[NumberT], NDArray[np.bool_]]:
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    padded = np.zeros(mask.shape, dtype=dtype)
    padded[mask] = np.concatenate(rows)
    return padded, mask


def batches(episodes: Sequence[Episode], size: int) -> Iterator[tuple[NDArray[np.int64], EpisodeBatch]]:
    """Batches of episodes with supports of like size, each with the positions of its episodes."""
    order = np.argsort([len(episode.support_items) for episode in episodes], kind="stable")
    for start in range(0, len(order), size):
        positions = order[start : start + size]
        yield positions, EpisodeBatch.of([episodes[position] for position in positions])


def fold_of(users: NDArray[np.integer]) -> NDArray[np.integer]:
    """The fold of users by their rows; int [users], below `USER_FOLDS`.

    Users of one fold see items by the ratings of the other folds (`models.inputs.collaborative_inputs.TrainingView`).
    Rows are in the files' order, which is unrelated to taste.
    """
    return users % USER_FOLDS


class TrainingEpisodes:
    """Draws training episodes: every user once an epoch, support and query sizes at random.

    Support sizes are log-uniform, so that one model serves users with 1 rating as well as with 80.
    """

    def __init__(self, dataset: Dataset, training: NDArray[np.bool_], *, max_support: int, max_query: int) -> None:
        """Prepare the training ratings of a data set.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used. Users with fewer than 2 of them are left out.
            max_support: Most ratings of a support set.
            max_query: Most ratings of a query set.

        Raises:
            DataError: No user has 2 ratings to train on.
        """
        ratings = dataset.ratings
        users = ratings.users[training]
        self._items = ratings.items[training]
        self._values = ratings.values[training]
        counts = np.bincount(users, minlength=len(dataset.users))
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self.users: NDArray[np.int64] = np.flatnonzero(counts >= 2)
        if not self.users.size:
            raise DataError("no user has two ratings to train on")
        self._max_support = max_support
        self._max_query = max_query

    def epoch(self, generator: np.random.Generator, batch_users: int) -> Iterator[EpisodeBatch]:
        """One pass over all users in random order.

        The users of a batch are of one fold, and its episodes come in the order of their support sizes.
        """
        order = generator.permutation(self.users)
        folds = [order[fold_of(order) == fold] for fold in range(USER_FOLDS)]
        groups = [own[start : start + batch_users] for own in folds for start in range(0, len(own), batch_users)]
        for place in generator.permutation(len(groups)):
            episodes = [self._draw(int(user), generator) for user in groups[place]]
            yield EpisodeBatch.of(sorted(episodes, key=lambda episode: len(episode.support_items)))

    def _draw(self, user: int, generator: np.random.Generator) -> Episode:
        rows = generator.permutation(np.arange(self._starts[user], self._ends[user]))
        most = min(self._max_support, len(rows) - 1)
        support_size = int(np.exp(generator.uniform(0.0, np.log(most + 1))))
        support, query = rows[:support_size], rows[support_size : support_size + self._max_query]
        return Episode(
            state=State.WARM,
            user=user,
            support_items=self._items[support],
            support_ratings=self._values[support],
            query_items=self._items[query],
            query_ratings=self._values[query],
        )


def evaluation_episodes(
    dataset: Dataset,
    split: Split,
    state: State,
    *,
    users: NDArray[np.bool_] | None = None,
    in_sample: bool = False,
    query_size: int = 10,
    min_ratings: int = 13,
    max_ratings: int = 100,
    seed: int = 0,
) -> list[Episode]:
    """The protocol's episodes of one state: random query ratings, all the rest support.

    In the warm state, whose users are known, the query ratings are the held-out ones (`Split.test`), and users who have
    none are left out.

    Args:
        dataset: The data set.
        split: Its division.
        state: The cell whose ratings are used.
        users: bool [users], to take only some, all of whose ratings are taken; all by default.
        in_sample: Draw the warm state's query ratings from all of a user's, trained on or not.
        query_size: Query ratings of a user.
        min_ratings: A user with fewer ratings in the state is left out.
        max_ratings: A user with more ratings in the state is left out.
        seed: Each user's draw depends on it, the state and the user's row alone, not on who else is evaluated.
    """
    ratings = dataset.ratings
    held_out_only = state is State.WARM and users is None and not in_sample
    episodes = []
    for user in range(len(dataset.users)) if users is None else np.flatnonzero(users).tolist():
        own = slice(ratings.offsets[user], ratings.offsets[user + 1])
        rows = own.start + np.flatnonzero(split.states[own] == state)
        if not min_ratings <= len(rows) <= max_ratings:
            continue
        shuffled = np.random.default_rng([seed, state, user]).permutation(rows)
        query = shuffled[split.test[shuffled]] if held_out_only else shuffled
        query = query[:query_size]
        if not len(query):
            continue
        support = shuffled[~np.isin(shuffled, query)]
        episodes.append(
            Episode(
                state=state,
                user=user,
                support_items=ratings.items[support],
                support_ratings=ratings.values[support],
                query_items=ratings.items[query],
                query_ratings=ratings.values[query],
            )
        )
    return episodes
