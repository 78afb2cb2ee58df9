"""Episodes for measuring lists: the support set is the start of a user's ratings, and relevant items come later."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode
from models.data.evaluation_episodes import Order
from models.data.malformed import DataError
from models.data.splits import Split

SUPPORT_SIZES = (0, 1, 3, 5, 10, 20)
"""Support sizes at which lists are measured. They belong to the evaluation protocol."""

_MIN_LATER = 5
"""Ratings that a user must have behind the largest support size. It belongs to the evaluation protocol."""

_MIN_RELEVANT = 3
"""Relevant items that a user must have, new items apart. It belongs to the evaluation protocol."""


@dataclass(frozen=True)
class ListEpisodes:
    """What lists are measured on. The support set of an episode has the largest size; `with_support` shortens it.

    Attributes:
        sizes: The support sizes, rising.
        catalogue: One episode per user. The query ratings are those of the relevant items, at every support size.
        new_items: The same users and others, as far as they have relevant new items, which are the query.
    """

    sizes: tuple[int, ...]
    catalogue: list[Episode]
    new_items: list[Episode]


def list_episodes(
    dataset: Dataset,
    split: Split,
    *,
    users: NDArray[np.bool_] | None = None,
    order: Order = Order.RANDOM,
    seed: int = 0,
) -> ListEpisodes:
    """Draw the protocol's episodes for lists.

    The ratings of known items (state `user_cold`) of each new user are put in an order. The first ones are the support
    set. An item is relevant if the user likes it (`RatingScale.liked_from`) and rated it behind the largest support
    size in that order, or if it is a new item that the user likes (`user_and_item_cold`). In order of time, a new item
    is relevant only if it was rated after the largest support set. A user needs 5 ratings behind
    the largest support size, and 3 relevant items. The largest size is the largest of `SUPPORT_SIZES` that leaves at
    least half of the users that size 0 leaves.

    Args:
        dataset: The data set.
        split: Its division.
        users: bool [users], to take these users and their `warm` ratings instead, for choosing settings on users that
            are held out for validation. There are no new items then.
        order: A random order, or the order of time. Ratings of the same time keep the order of the file, and ratings of
            unknown time come first.
        seed: A user's order depends on the seed, the state and the user's row alone, not on the other users.

    Raises:
        DataError: Order of time is wanted, and the data set has no times.
    """
    state = State.USER_COLD if users is None else State.WARM
    histories = [
        _History.of(dataset, split, state, user, order, seed)
        for user in (range(len(dataset.users)) if users is None else np.flatnonzero(users).tolist())
    ]
    pools = {size: [history for history in histories if history.is_enough(size)] for size in SUPPORT_SIZES}
    counts = {size: sum(history.is_listed(size) for history in pool) for size, pool in pools.items()}
    sizes = tuple(size for size in SUPPORT_SIZES if 2 * counts[size] >= counts[0])
    largest = sizes[-1]
    return ListEpisodes(
        sizes=sizes,
        catalogue=[history.episode(largest) for history in pools[largest] if history.is_listed(largest)],
        new_items=[history.new_item_episode(largest) for history in pools[largest] if len(history.new_after(largest))],
    )


@dataclass(frozen=True)
class _History:
    """One user's ratings, by their rows in the data set's ratings.

    Attributes:
        dataset: The data set.
        state: The state of the ordered ratings.
        user: Row of the user.
        ordered: int64 [ratings], the ratings of known items in the order of the protocol.
        liked: bool [ratings], whether each of them is of a liked item.
        liked_new: int64 [new items], the ratings of liked new items.
        times: int64 [all ratings of the data set] in order of time; None in random order.
    """

    dataset: Dataset
    state: State
    user: int
    ordered: NDArray[np.int64]
    liked: NDArray[np.bool_]
    liked_new: NDArray[np.int64]
    times: NDArray[np.int64] | None

    @classmethod
    def of(cls, dataset: Dataset, split: Split, state: State, user: int, order: Order, seed: int) -> "_History":
        ratings = dataset.ratings
        rows = np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        states, liked = split.states[rows], dataset.liked[rows]
        ordered = rows[states == state]
        if order is Order.RANDOM:
            ordered = np.random.default_rng([seed, state, user]).permutation(ordered)
        elif ratings.times is None:
            raise DataError("the ratings have no times: evaluate them in random order")
        else:
            ordered = ordered[np.argsort(ratings.times[ordered], kind="stable")]
        has_new = state is State.USER_COLD
        return cls(
            dataset=dataset,
            state=state,
            user=user,
            ordered=ordered,
            liked=liked[ordered - rows[0]] if len(ordered) else np.zeros(0, dtype=np.bool_),
            liked_new=rows[liked & (states == State.USER_AND_ITEM_COLD)] if has_new else rows[:0],
            times=ratings.times if order is Order.TIME else None,
        )

    def is_enough(self, size: int) -> bool:
        """Whether the user has enough ratings for this support size."""
        return len(self.ordered) >= size + _MIN_LATER

    def is_listed(self, size: int) -> bool:
        """Whether the user has enough relevant items at this support size."""
        return int(self.liked[size:].sum()) + len(self.new_after(size)) >= _MIN_RELEVANT

    def new_after(self, size: int) -> NDArray[np.int64]:
        """The ratings of the relevant new items; int64 [relevant new items]."""
        if self.times is None or size == 0:
            return self.liked_new
        is_after = self.times[self.liked_new] >= self.times[self.ordered[size - 1]]
        return np.asarray(self.liked_new[is_after])

    def episode(self, size: int) -> Episode:
        """The episode in which all relevant items are the query."""
        return self._episode(size, np.concatenate([self.ordered[size:][self.liked[size:]], self.new_after(size)]))

    def new_item_episode(self, size: int) -> Episode:
        """The episode in which the relevant new items are the query."""
        return self._episode(size, self.new_after(size))

    def _episode(self, size: int, query: NDArray[np.int64]) -> Episode:
        return Episode.of(
            self.dataset.ratings, state=self.state, user=self.user, support=self.ordered[:size], query=query
        )
