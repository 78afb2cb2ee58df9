"""Users on a checkerboard: two bits say all about a user's taste, and two items say the two bits."""

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS = 240, 14
COLUMN, ROW = 3, 8
"""The items that everybody has rated, and rates by the one bit and by the other."""


def bits() -> NDArray[np.int64]:
    """The column and the row of each user's field; int64 [users, 2], −1 or 1."""
    users = np.arange(USERS)
    return np.stack([2 * (users % 2) - 1, 2 * (users // 2 % 2) - 1], axis=1)


def checkerboard() -> Dataset:
    """Even items follow a user's column and odd ones the row, weakly and with noise; half of the users rate each."""
    generator = np.random.default_rng(0)
    ratings = []
    for user, (column, row) in enumerate(bits().tolist()):
        for item in range(ITEMS):
            if item in (COLUMN, ROW):
                ratings.append((user, item, 3.0 + 2 * (column if item == COLUMN else row)))
            elif generator.random() < 0.5:
                rating = 3 + (column if item % 2 == 0 else row) + generator.integers(-1, 2)
                ratings.append((user, item, float(rating)))
    return tiny_dataset(ratings, users=USERS, items=ITEMS)
