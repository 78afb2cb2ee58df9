"""The visitors of the shop: users whom the model does not know, and what they would choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.rules.visitors import attributes_of
from models.data.dataset import Dataset, State
from models.data.splits import Split
from models.fields import AttributeValue

DAYS = 7
_VISIT_PROBABILITY = 0.6
"""Of each day after the first visit."""


@dataclass(frozen=True)
class Visitor:
    """A visitor.

    Attributes:
        id: The user id. It decides on which side of an A/B test the visitor is, and it contains the seed, so another
            seed is another assignment.
        attributes: What the visitor says at the sign-up.
        ratings: Rating by item id. The visitor chooses an item if and only if it is among them.
        days: The days of the visits, from 0.
    """

    id: str
    attributes: Mapping[str, AttributeValue]
    ratings: Mapping[str, float]
    days: Sequence[int]


def visitors_of(dataset: Dataset, split: Split, *, seed: int) -> list[Visitor]:
    """The new users of a split, in random order. Each comes first on a random day, and then on some of the others."""
    generator = np.random.default_rng(seed)
    ratings, new = dataset.ratings, np.isin(split.states, (State.USER_COLD, State.USER_AND_ITEM_COLD))
    ids, found = dataset.items.ids, []
    for user in generator.permutation(np.unique(ratings.users[new])).tolist():
        rows = slice(ratings.offsets[user], ratings.offsets[user + 1])
        first = int(generator.integers(DAYS))
        later = [day for day in range(first + 1, DAYS) if generator.random() < _VISIT_PROBABILITY]
        found.append(
            Visitor(
                id=f"visitor-{seed}-{user}",
                attributes=attributes_of(dataset, user),
                ratings={
                    ids[item]: rating
                    for item, rating in zip(ratings.items[rows].tolist(), ratings.values[rows].tolist(), strict=True)
                },
                days=[first, *later],
            )
        )
    return found
