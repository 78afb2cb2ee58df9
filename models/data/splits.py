"""Splits: which users and items are new, and which users and ratings are held out of training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset, Entities, State

_MIN_TRAINING_RATINGS = 3
"""Training ratings that a user with test ratings must keep. It belongs to the evaluation protocol."""


class SplitConfig(BaseModel):
    """How to split a data set. The manifest of an artifact contains the configuration of its split.

    Attributes:
        new_users: Fraction of the users to make new. A data set with a state column says itself who is new.
        by_id: Choose the new users by a hash of their ids instead of drawing them. They stay new as the data grow, so
            no model of such a split was ever trained on them. A state column is then ignored.
        new_items: Fraction of the items to make new: the latest by the schema's date, or random ones without a date.
        validation_users: Fraction of the warm users to hold out, for choosing settings and for stopping training.
        test_ratings: Number of random ratings of each other warm user to hold out, for evaluating the warm state.
        seed: Seed of all random draws.
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
    """A data set's ratings and users, split.

    Attributes:
        states: int8 [ratings], values of `State`.
        validation_users: bool [users], the warm users that are held out for validation.
        test: bool [ratings], the warm ratings of known users that are held out for evaluating the warm state.
        training: bool [ratings], the ratings to train on: all other warm ratings of known users.
        config: How the data set was split; None if everything is training data.
    """

    states: NDArray[np.int8]
    validation_users: NDArray[np.bool_]
    test: NDArray[np.bool_]
    training: NDArray[np.bool_]
    config: SplitConfig | None

    @classmethod
    def everything(cls, dataset: Dataset) -> Self:
        """All ratings are training data: nobody is new, and nothing is held out."""
        ratings = len(dataset.ratings)
        return cls(
            states=np.full(ratings, State.WARM, dtype=np.int8),
            validation_users=np.zeros(len(dataset.users), dtype=np.bool_),
            test=np.zeros(ratings, dtype=np.bool_),
            training=np.ones(ratings, dtype=np.bool_),
            config=None,
        )

    @classmethod
    def of(cls, dataset: Dataset, config: SplitConfig) -> Self:
        """Split a data set. The same data and configuration always give the same split."""
        generator = np.random.default_rng(config.seed)
        states = None if config.by_id else dataset.ratings.states
        if states is None:
            states = _draw_states(dataset, config, generator)
        users = dataset.ratings.users
        warm = states == State.WARM
        candidates = generator.permutation(np.unique(users[warm]))
        # At least one user, however small the data set: training cannot stop early without validation users.
        validation_count = max(1, round(config.validation_users * len(candidates)))
        validation = np.zeros(len(dataset.users), dtype=np.bool_)
        validation[candidates[:validation_count]] = True
        known = warm & ~validation[users]
        test = _draw_test_ratings(dataset, known, config.test_ratings, generator)
        return cls(states=states, validation_users=validation, test=test, training=known & ~test, config=config)


def new_by_id(ids: Sequence[str], config: SplitConfig) -> NDArray[np.bool_]:
    """Which users a split `by_id` makes new; bool [users]. It depends on each user's id alone."""
    hashes = b"".join(hashlib.sha256(f"{config.seed}:{user_id}".encode()).digest()[:8] for user_id in ids)
    return np.frombuffer(hashes, dtype=">u8") < config.new_users * 2.0**64


def _draw_test_ratings(
    dataset: Dataset, known: NDArray[np.bool_], count: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw `count` of the `known` ratings (bool [ratings]) of each user who has enough of them; bool [ratings]."""
    users = dataset.ratings.users
    enough = np.bincount(users[known], minlength=len(dataset.users)) >= count + _MIN_TRAINING_RATINGS
    rows = np.flatnonzero(known & enough[users])
    # The ratings of each user are in random order, so the first ones are a random choice.
    shuffled = rows[np.lexsort((generator.random(len(rows)), users[rows]))]
    shuffled_users = users[shuffled]
    starts = np.searchsorted(shuffled_users, shuffled_users)
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
    """The rated items in order of date, the latest first and ties at random; in random order if there is no date."""
    shuffled = generator.permutation(rated)
    if date is None:
        return shuffled
    dates = items.table[date].to_numpy()[shuffled].astype(np.float64)
    # An item of unknown date comes last, as nothing says that it is new.
    return shuffled[np.argsort(-np.nan_to_num(dates, nan=-np.inf), kind="stable")]
