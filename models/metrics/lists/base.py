"""What a measure of ranked lists is: one value per user, or one value for the lists of all users."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.metrics.measure import Described

LIST_LENGTH = 10
"""How many items a list has. It belongs to the evaluation protocol."""

NO_ITEM = -1
"""Fills a list that is shorter than the others, because there were too few items to rank."""


@dataclass(frozen=True)
class RankedLists:
    """The lists of U users.

    Attributes:
        items: int64 [U, k], rows of items, best first, then `NO_ITEM` if there were fewer than k items to rank.
        hits: bool [U, k], whether the item is relevant to the user.
        relevant: int64 [U], how many items are relevant to the user, in the list or not; at least 1.
        information: float64 [items], −log₂ of the share of the training users who rated the item.
        relevant_items: For each user, int64, the rows of the relevant items.
        scores: float32 [U, items], by which the items were ranked; −∞ for an item that is not ranked for the user.
        are_logits: Whether the scores are logarithms of P(choose) up to a constant.
        users: int64 [U], rows of the users. They seed what is drawn for each user.
    """

    items: NDArray[np.int64]
    hits: NDArray[np.bool_]
    relevant: NDArray[np.int64]
    information: NDArray[np.float64]
    relevant_items: Sequence[NDArray[np.integer]]
    scores: NDArray[np.float32]
    are_logits: bool
    users: NDArray[np.int64]


class ListMeasure(Described, ABC):
    """How good or how special one user's list is. The average over users is the mean."""

    @abstractmethod
    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """The value for each user; float64 [U], NaN where the measure is undefined."""


class AllListsMeasure(Described, ABC):
    """A property of the lists of all users together."""

    @abstractmethod
    def of_all(self, items: NDArray[np.int64]) -> float:
        """The value for the lists of U users (int64 [U, k], as in `RankedLists`); NaN where it is undefined."""
