"""Pairs of items that questions can be about: which one does the user prefer (Sepliarskaia et al., RecSys 2018)."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.elicitation.subject import Subject

_MOST_PAIRS = 40
"""Most pairs. It bounds the time."""

_PAIRS_OF_AN_ITEM = 3
"""In how many pairs an item is at most, so that the pairs differ."""


def all_pairs(rows: NDArray[np.int64]) -> list[Subject]:
    """The pairs of some items, given by their rows."""
    return [Subject.pair(first, second) for first, second in combinations(rows.tolist(), 2)]


def best_pairs(pairs: Sequence[Subject], values: NDArray[np.float64]) -> list[Subject]:
    """The pairs with the highest values (float64 [pairs]), in which no item is too often."""
    used: Counter[int] = Counter()
    best: list[Subject] = []
    for place in np.argsort(-values, kind="stable").tolist():
        members = pairs[place].rows.tolist()
        if len(best) < _MOST_PAIRS and all(used[row] < _PAIRS_OF_AN_ITEM for row in members):
            used.update(members)
            best.append(pairs[place])
    return best
