"""Episodes: one user's support set and query set, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import UNKNOWN_TIME, Ratings, State
from models.data.schema import A_RATING

NumberT = TypeVar("NumberT", bound=np.generic)
_MIN_SAVED_ROWS = 256
"""Rows of padding that another part of a batch must save: they cost as much time as a part (measured on a CPU, with two
hidden layers of 64)."""


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
