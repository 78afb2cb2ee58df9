"""Who is new, who is known, and who is kept out of training: the four states and the held-out users."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset, Entities, State


class SplitConfig(BaseModel):
    """How ratings are divided; stored in the artifact's manifest.

    Attributes:
        new_users: Fraction of users made new, where the data set has no state column.
        new_items: Fraction of items made new: the latest by the schema's date, or random ones without a date.
        validation_users: Fraction of the warm users held out to choose settings and to stop training.
        test_users: Fraction of the warm users held out to evaluate the warm state on.
        seed: Of everything drawn here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    new_users: Annotated[float, Field(ge=0, lt=1)] = 0.2
    new_items: Annotated[float, Field(ge=0, lt=1)] = 0.2
    validation_users: Annotated[float, Field(gt=0, lt=1)] = 0.05
    test_users: Annotated[float, Field(ge=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Split:
    """A data set's division.

    Attributes:
        states: int8 [ratings], values of `State`.
        validation_users: bool [users], warm users held out to choose settings.
        test_users: bool [users], warm users held out for the warm state's evaluation.
        training: bool [ratings], what training may see: warm ratings of the users who are not held out.
    """

    states: NDArray[np.int8]
    validation_users: NDArray[np.bool_]
    test_users: NDArray[np.bool_]
    training: NDArray[np.bool_]

    @classmethod
    def of(cls, dataset: Dataset, config: SplitConfig) -> Self:
        """Divide a data set; the same data and configuration always give the same division."""
        generator = np.random.default_rng(config.seed)
        states = dataset.ratings.states
        if states is None:
            states = _draw_states(dataset, config, generator)
        users = dataset.ratings.users
        warm = states == State.WARM
        candidates = generator.permutation(np.unique(users[warm]))
        # Training cannot stop early without anyone to validate on, however small the data set.
        validation_count = max(1, round(config.validation_users * len(candidates)))
        test_count = round(config.test_users * len(candidates))
        validation = np.zeros(len(dataset.users), dtype=np.bool_)
        validation[candidates[:validation_count]] = True
        test = np.zeros(len(dataset.users), dtype=np.bool_)
        test[candidates[validation_count : validation_count + test_count]] = True
        return cls(
            states=states,
            validation_users=validation,
            test_users=test,
            training=warm & ~(validation | test)[users],
        )


def _draw_states(dataset: Dataset, config: SplitConfig, generator: np.random.Generator) -> NDArray[np.int8]:
    ratings = dataset.ratings
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
