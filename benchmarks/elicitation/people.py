"""New users, each with what can be answered and what is predicted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, Ratings, State
from models.data.splits import Split
from models.fields import AttributeValue
from models.ranking import ItemRating

MIN_RATINGS = 13
"""A user with fewer ratings has too little to answer and to predict."""


@dataclass(frozen=True)
class Person:
    """A user in one draw.

    Attributes:
        attributes: The user's attributes.
        known: The ratings that the user can answer with: a random half.
        query: The ratings that are predicted: the other half.
        liked: Ids of the items of `query` that the user likes: what is relevant in a list.
    """

    attributes: Mapping[str, AttributeValue]
    known: tuple[ItemRating, ...]
    query: tuple[ItemRating, ...]
    liked: frozenset[str]


def user_rows(dataset: Dataset, split: Split, state: State, *, most: int) -> list[int]:
    """Rows of the users with enough ratings in a state, evenly spaced if there are more than `most`.

    `WARM` stands for the users who are held out for validation.
    """
    rows = _usable(dataset, split, state)
    counts = np.bincount(dataset.ratings.users[rows], minlength=len(dataset.users))
    enough = np.flatnonzero(counts >= MIN_RATINGS)
    if len(enough) > most:
        enough = enough[np.linspace(0, len(enough) - 1, most).astype(int)]
    return enough.tolist()


def draw(dataset: Dataset, users: list[int], split: Split, state: State, *, seed: int) -> list[Person]:
    """The users with their ratings in a state, a random half of which they can answer with.

    Args:
        dataset: The data set.
        users: Rows of the users.
        split: Its division.
        state: Whose ratings are used.
        seed: A user's halves depend on the seed and the user's row alone.
    """
    usable = _usable(dataset, split, state)
    people = []
    for user in users:
        own = np.arange(dataset.ratings.offsets[user], dataset.ratings.offsets[user + 1])
        shuffled = np.random.default_rng([seed, user]).permutation(own[usable[own]])
        known, query = np.split(shuffled, [len(shuffled) // 2])
        row = dataset.users.table.row(user, named=True)
        people.append(
            Person(
                attributes={field.name: row[field.name] for field in dataset.schema.users.fields},
                known=_ratings(dataset.ratings, dataset.items.ids, known),
                query=_ratings(dataset.ratings, dataset.items.ids, query),
                liked=frozenset(dataset.items.ids[item] for item in dataset.ratings.items[query[dataset.liked[query]]]),
            )
        )
    return people


def _usable(dataset: Dataset, split: Split, state: State) -> NDArray[np.bool_]:
    """Bool [ratings], those of a state; of `WARM`, those of the validation users."""
    usable = (split.states == state) & dataset.ratings.rated
    return np.asarray(usable & split.validation_users[dataset.ratings.users]) if state is State.WARM else usable


def _ratings(ratings: Ratings, ids: list[str], rows: NDArray[np.int64]) -> tuple[ItemRating, ...]:
    pairs = zip(ratings.items[rows].tolist(), ratings.values[rows].tolist(), strict=True)
    return tuple(ItemRating(ids[item], rating) for item, rating in pairs)
