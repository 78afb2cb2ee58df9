"""Data whose right lists are known: even users like even items, odd users like odd items, and each has left one out."""

import numpy as np

from models.baselines.lists import ListBaseline, ListRanker
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import Rated, tiny_dataset, tiny_episode

USERS, ITEMS = 40, 12


def checkerboard() -> Dataset:
    """User u likes the items of its parity but one, and dislikes one of the others.

    Items of one parity are of the same year. Item 12 has neither ratings nor a year.
    """
    liked = [
        (user, item, 5.0) for user in range(USERS) for item in range(user % 2, ITEMS, 2) if item // 2 != user // 2 % 6
    ]
    disliked = [(user, (user + 1) % ITEMS, 1.0) for user in range(USERS)]
    years = [*([1980.0, 2010.0] * (ITEMS // 2)), None]
    return tiny_dataset(liked + disliked, users=USERS, items=ITEMS + 1, years=years)


def fitted(baseline: ListBaseline, dataset: Dataset) -> ListRanker:
    """The baseline, fitted on all ratings."""
    return baseline.fit(dataset, np.ones(len(dataset.ratings), dtype=np.bool_))


def scores_of(ranker: ListRanker, support: Rated) -> np.ndarray:
    """The scores of all items for one user."""
    (scores,) = ranker.scores(EpisodeBatch.of([tiny_episode(support=support, query=[])]))
    return scores


def interactions(dataset: Dataset, other_weight: float = 0.0) -> np.ndarray:
    """1 for liked items and `other_weight` for disliked ones, without the code under test; float64 [users, items]."""
    matrix = np.zeros((len(dataset.users), len(dataset.items)))
    ratings = dataset.ratings
    matrix[ratings.users, ratings.items] = np.where(ratings.values >= 4, 1.0, other_weight)
    return matrix
