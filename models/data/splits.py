"""Who is new, who is known, and what is kept out of training: the four states, held-out users and ratings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset, Entities, State

_LEAST_LEFT = 3
"""A user whom holding out test ratings would leave with fewer keeps them all."""


class SplitConfig(BaseModel):
    """How ratings are divided; stored in the artifact's manifest.

    Attributes:
        new_users: Fraction of users made new, where the data set has no state column.
        by_id: Choose them by a hash of their ids instead of drawing them, so that they stay new as the data grow: no
            model of such a split was ever trained on any of them. A state column is not looked at then.
        new_items: Fraction of items made new: the latest by the schema's date, or random ones without a date.
        validation_users: Fraction of the warm users held out to choose settings and to stop training.
        test_ratings: How many random ratings of each other warm user are held out, to evaluate the warm state on.
        seed: Of everything drawn here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    new_users: Annotated[float, Field(ge=0, lt=1)] = 0.2
    by_id: bool = False
    new_items: Annotated[float, Field(ge=0, lt=1)] = 0.2
    validation_users: Annotated[float, Field(gt=0, lt=1)] = 0.05
    test_ratings: Annotated[int, Field(ge=0)] = 10
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Split:
    """A data set's division.

    Attributes:
        states: int8 [ratings], values of `State`.
        validation_users: bool [users], warm users held out to choose settings.
        test: bool [ratings], warm ratings of known users that are held out for the warm state's evaluation.
        training: bool [ratings], what training may see: all other warm ratings of known users.
    """

    states: NDArray[np.int8]
    validation_users: NDArray[np.bool_]
    test: NDArray[np.bool_]
    training: NDArray[np.bool_]

    @classmethod
    def of(cls, dataset: Dataset, config: SplitConfig) -> Self:
        """Divide a data set; the same data and configuration always give the same division."""
        generator = np.random.default_rng(config.seed)
        states = None if config.by_id else dataset.ratings.states
        if states is None:
            states = _draw_states(dataset, config, generator)
        users = dataset.ratings.users
        warm = states == State.WARM
        candidates = generator.permutation(np.unique(users[warm]))
        # Training cannot stop early without anyone to validate on, however small the data set.
        validation_count = max(1, round(config.validation_users * len(candidates)))
        validation = np.zeros(len(dataset.users), dtype=np.bool_)
        validation[candidates[:validation_count]] = True
        known = warm & ~validation[users]
        test = _draw_test_ratings(dataset, known, config.test_ratings, generator)
        return cls(states=states, validation_users=validation, test=test, training=known & ~test)


def new_by_id(ids: Sequence[str], config: SplitConfig) -> NDArray[np.bool_]:
    """Which users are new by a split that chooses them `by_id`; bool [users], whatever else is in the data."""
    hashes = b"".join(hashlib.sha256(f"{config.seed}:{user_id}".encode()).digest()[:8] for user_id in ids)
    return np.frombuffer(hashes, dtype=">u8") < config.new_users * 2.0**64


def _draw_test_ratings(
    dataset: Dataset, known: NDArray[np.bool_], count: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """So many of the `known` ratings (bool [ratings]) of each user who has enough of them; bool [ratings]."""
    users = dataset.ratings.users
    enough = np.bincount(users[known], minlength=len(dataset.users)) >= count + _LEAST_LEFT
    rows = np.flatnonzero(known & enough[users])
    # In random order within each user, the first ones are a random choice.
    shuffled = rows[np.lexsort((generator.random(len(rows)), users[rows]))]
    of_user = users[shuffled]
    starts = np.searchsorted(of_user, of_user)
    test = np.zeros(len(users), dtype=np.bool_)
    test[shuffled[np.arange(len(shuffled)) - starts < count]] = True
    return test


def _draw_states(dataset: Dataset, config: SplitConfig, generator: np.random.Generator) -> NDArray[np.int8]:
    ratings = dataset.ratings
    if config.by_id:
        new_user = new_by_id(dataset.users.ids, config)
    else:
        new_user = np.zeros(len(dataset.users), dtype=np.bool_)
        rating_users = np.unique(ratings.users)
        new_user[generator.permutation(rating_users)[: round(config.new_users * len(rating_users))]] = True
    new_item = np.zeros(len(dataset.items), dtype=np.bool_)
    newest_first = _newest_first(dataset.items, dataset.schema.items.date, np.unique(ratings.items), generator)
    new_item[newest_first[: round(config.new_items * len(newest_first))]] = True
    states = np.full(len(ratings), State.WARM, dtype=np.int8)
    states[new_user[ratings.users]] += State.USER_COLD
    states[new_item[ratings.items]] += State.ITEM_COLD
    return states


def _newest_first(
    items: Entities, date: str | None, rated: NDArray[np.int32], generator: np.random.Generator
) -> NDArray[np.int32]:
    """Rated items, latest date first, ties in random order; without a date, in random order."""
    shuffled = generator.permutation(rated)
    if date is None:
        return shuffled
    dates = items.table[date].to_numpy()[shuffled].astype(np.float64)
    # An item whose date is unknown is not known to be new: last.
    return shuffled[np.argsort(-np.nan_to_num(dates, nan=-np.inf), kind="stable")]
