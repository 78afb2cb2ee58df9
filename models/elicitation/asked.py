"""The questions that users were asked so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Asked:
    """The questions to B users so far, padded to N items.

    Attributes:
        items: int64 [B, N], rows of the items.
        answered: bool [B, N], set where the user answered; unset for a skip and for padding.
        mask: bool [B, N], unset for padding.
        liked: bool [B, N], set where the user likes the item by the answer. None if that is unknown: only strategies
            that are fitted on ratings need it.
    """

    items: NDArray[np.int64]
    answered: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    liked: NDArray[np.bool_] | None = None

    @classmethod
    def of_one(cls, answered: NDArray[np.int64], skipped: NDArray[np.int64]) -> Self:
        """The questions to one user, given the rows of the answered and of the skipped items."""
        items = np.concatenate([answered, skipped])[None]
        return cls(items, np.arange(items.shape[1])[None] < len(answered), np.ones(items.shape, dtype=np.bool_))

    @classmethod
    def nothing(cls, users: int) -> Self:
        """No questions yet."""
        no = np.zeros((users, 0), dtype=np.bool_)
        return cls(no.astype(np.int64), no, no, no)

    def remaining(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The allowed items that were not asked about; bool [B, items]."""
        remaining = allowed.copy()
        users, places = np.nonzero(self.mask)
        remaining[users, self.items[users, places]] = False
        return remaining
