from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.baselines.item_neighbours import ItemNeighbours, shrunk_adjusted_cosine
from models.data.episodes import EpisodeBatch
from tests.unit.models.baselines.item_knowledge import random_items
from tests.unit.models.tiny_data import Rated, tiny_episode

# Every item has the mean 3. Item 3 is new; its attributes are those of item 1.
ITEMS = replace(
    random_items(4, features=[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    mean=3.0,
    biases=np.zeros(4),
    counts=np.array([9, 9, 9, 0]),
)
SIMILARITIES = sparse.csr_matrix([[0.0, 0.8, 0.4, 0.0], [0.8, 0.0, 0.0, 0.0], [0.4, 0.0, 0.0, 0.0], [0.0] * 4])


def prediction(support: Rated, query: int) -> float:
    batch = EpisodeBatch.of([tiny_episode(support=support, query=[(query, 1.0)])])
    return float(ItemNeighbours(ITEMS, SIMILARITIES).predict(batch)[0, 0])


def test_residuals_of_similar_items_are_averaged_by_similarity() -> None:
    # The user's bias is (2 − 1) / (2 + 3).
    expected = 3.0 + 0.2 + (0.8 * (2.0 - 0.2) + 0.4 * (-1.0 - 0.2)) / (0.8 + 0.4 + 0.5)
    assert prediction([(1, 5.0), (2, 2.0)], query=0) == pytest.approx(expected)


def test_prediction_without_similar_items_is_the_bias() -> None:
    assert prediction([(1, 5.0)], query=2) == pytest.approx(3.0 + 2.0 / (1 + 3))


def test_similarity_of_a_new_item_is_that_of_its_attributes() -> None:
    bias = 2.0 / (1 + 3)
    assert prediction([(0, 5.0)], query=3) == pytest.approx(3.0 + bias)
    assert prediction([(1, 5.0)], query=3) == pytest.approx(3.0 + bias + 0.2 * (2.0 - bias) / (0.2 + 0.5))


def test_prediction_uses_only_the_nearest_neighbours() -> None:
    count = 40
    items = replace(random_items(count), mean=3.0, biases=np.zeros(count))
    near = np.linspace(0.9, 0.1, count - 1)
    similarities = np.zeros((count, count))
    similarities[0, 1:] = near
    support = [(item, 4.0 if item <= 30 else 1.0) for item in range(1, count)]
    batch = EpisodeBatch.of([tiny_episode(support=support, query=[(0, 1.0)])])
    bias = (30 * 1.0 - 9 * 2.0) / (39 + 3)
    weight = near[:30].sum()
    expected = 3.0 + bias + weight * (1.0 - bias) / (weight + 0.5)
    predicted = ItemNeighbours(items, sparse.csr_matrix(similarities)).predict(batch)
    assert predicted[0, 0] == pytest.approx(expected)


def test_similarity_is_the_shrunk_cosine_over_common_raters() -> None:
    # Users 0 and 1 rated items 0 and 1; user 2 rated item 0 only; items 0 and 2 are rated oppositely by user 0.
    residuals = sparse.csr_matrix(
        (
            [1.0, 2.0, -1.0, 2.0, 1.0, 3.0],
            ([0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1, 0]),
        ),
        shape=(3, 3),
    )
    similarity = 2 / (2 + 50) * (1 * 2 + 2 * 1) / np.sqrt((1 + 4) * (4 + 1))
    expected = [[0.0, similarity, 0.0], [similarity, 0.0, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(shrunk_adjusted_cosine(residuals).toarray(), expected)
