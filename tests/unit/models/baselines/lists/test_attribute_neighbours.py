import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from models.baselines.collaborative_content import item_features
from models.baselines.lists import BaselineLeftOutError
from models.baselines.lists.attribute_neighbours import AttributeNeighbours
from tests.unit.models.baselines.lists.checkerboard import ITEMS, checkerboard, fitted, interactions, scores_of
from tests.unit.models.tiny_data import tiny_dataset


def test_scores_are_sums_of_the_attribute_cosines_of_scikit_learn() -> None:
    dataset = checkerboard()
    counts = np.bincount(dataset.ratings.items, minlength=ITEMS + 1)
    cosines = cosine_similarity(item_features(dataset, counts))
    ranker = fitted(AttributeNeighbours(), dataset)
    np.testing.assert_allclose(
        scores_of(ranker, [(2, 5.0), (5, 4.0), (7, 1.0)]), cosines[2] + cosines[5], rtol=1e-5, atol=1e-6
    )
    likes = interactions(dataset).sum(axis=0)
    np.testing.assert_allclose(scores_of(ranker, [(7, 1.0)]), likes @ cosines, rtol=1e-5, atol=1e-4)


def test_items_without_attributes_leave_it_out() -> None:
    with pytest.raises(BaselineLeftOutError, match="have no attributes"):
        fitted(AttributeNeighbours(), tiny_dataset([(0, 0, 5)], users=1, items=2))
