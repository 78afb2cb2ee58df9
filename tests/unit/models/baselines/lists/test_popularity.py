import numpy as np

from models.baselines.lists.liked_popularity import LikedPopularity
from models.baselines.lists.popularity import Popularity
from tests.unit.models.baselines.lists.checkerboard import fitted, scores_of
from tests.unit.models.tiny_data import tiny_dataset

# Item 0: three ratings, one like. Item 1: two likes. Item 2: nothing.
DATASET = tiny_dataset([(0, 0, 5), (1, 0, 2), (2, 0, 1), (0, 1, 4), (1, 1, 5)], users=3, items=3)


def test_popularity_is_the_number_of_training_ratings_for_everybody() -> None:
    ranker = fitted(Popularity(), DATASET)
    assert scores_of(ranker, []).tolist() == scores_of(ranker, [(2, 5.0)]).tolist() == [3.0, 2.0, 0.0]


def test_popularity_counts_training_ratings_only() -> None:
    training = np.array([True, False, False, True, True])
    assert scores_of(Popularity().fit(DATASET, training), []).sum() == 3.0


def test_liked_popularity_is_the_count_times_the_shrunk_share_of_likes() -> None:
    # 3 of 5 ratings are likes; two ratings are added to each item.
    found = scores_of(fitted(LikedPopularity(prior_ratings=2.0), DATASET), [])
    np.testing.assert_allclose(found, [3 * (1 + 1.2) / 5, 2 * (2 + 1.2) / 4, 0.0], rtol=1e-6)
