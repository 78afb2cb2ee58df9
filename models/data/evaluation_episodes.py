"""The episodes of an evaluation: fixed draws from the users of a state."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode
from models.data.malformed import DataError
from models.data.splits import Split


class Order(StrEnum):
    """How an evaluation chooses a user's query ratings: at random, or the latest ones."""

    RANDOM = "random"
    TIME = "time"


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
