"""What a strategy is, and what it knows of the items."""

from abc import ABC, abstractmethod
from typing import Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.learners.base import LastLayer
from models.learners.exposure import Exposure


class KnownItems(Protocol):
    """What a trained model knows of the items of a catalogue, in the order of its rows.

    Every strategy that the service offers is made from this alone.
    """

    @property
    def statistics(self) -> pl.DataFrame:
        """The table that `models.elicitation.statistics.item_statistics` returns."""

    @property
    def training_users(self) -> int:
        """How many users could have rated the items."""

    @property
    def exposure(self) -> Exposure:
        """The model of who has seen what."""

    @property
    def last_layer(self) -> LastLayer | None:
        """The learner's last layer; None if it has none (`Learner.last_layer`)."""


class QuestionStrategy(ABC):
    """Chooses the items that users are asked about."""

    @abstractmethod
    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next screen of n questions to each of B users.

        Args:
            asked: The questions so far. They are not asked again.
            allowed: bool [B, items], the items that may be asked about.
            n: How many questions at most. No user gets more than the user with the fewest items left can get.

        Returns:
            int64 [B, n], rows of the items, the best first, and float64 [B, n], their scores, in [0, 1] and falling.
        """

    def with_seed(self, seed: int) -> Self:  # noqa: ARG002 - most strategies draw nothing
        """The strategy with another seed of its draws."""
        return self
