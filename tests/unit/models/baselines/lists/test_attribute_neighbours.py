import numpy as np
import pytest

from models.baselines.collaborative_content import item_features
from models.baselines.lists import BaselineLeftOutError
from models.baselines.lists.attribute_neighbours import AttributeNeighbours
from tests.unit.models.baselines.lists.checkerboard import ITEMS, checkerboard, fitted, interactions, scores_of
from tests.unit.models.tiny_data import tiny_dataset


def test_scores_are_sums_of_the_similarities_to_liked_items() -> None:
    dataset = checkerboard()
    features = item_features(dataset, np.bincount(dataset.ratings.items, minlength=ITEMS + 1)).toarray()
    similarities = features @ features.T
    assert similarities[2, 4] > similarities[2, 5]  # of the same year, of another year
    ranker = fitted(AttributeNeighbours(), dataset)
    found = scores_of(ranker, [(2, 5.0), (5, 4.0), (7, 1.0)])
    np.testing.assert_allclose(found, similarities[2] + similarities[5], rtol=1e-5, atol=1e-6)
    likes = interactions(dataset).sum(axis=0)
    np.testing.assert_allclose(scores_of(ranker, [(7, 1.0)]), likes @ similarities, rtol=1e-5, atol=1e-4)


def test_items_without_attributes_leave_it_out() -> None:
    with pytest.raises(BaselineLeftOutError, match="have no attributes"):
        fitted(AttributeNeighbours(), tiny_dataset([(0, 0, 5)], users=1, items=2))
