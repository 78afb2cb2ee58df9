"""Drawing episodes for training."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.malformed import DataError
from models.data.user_folds import USER_FOLDS, fold_of


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
