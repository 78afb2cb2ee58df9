"""Item vectors that start at the similarities of items."""

import numpy as np

from models.choice.start import neighbour_vectors
from models.data.dataset import Ratings


def ratings_of(pairs: list[tuple[int, int]], users: int) -> Ratings:
    columns = np.array(pairs, dtype=np.int32)
    return Ratings.from_columns(
        user_count=users, users=columns[:, 0], items=columns[:, 1], values=np.ones(len(pairs), dtype=np.float32)
    )


def test_inner_products_are_those_of_the_dense_singular_value_decomposition() -> None:
    chosen = np.random.default_rng(0).random((12, 9)) < 0.4
    ratings = ratings_of([tuple(pair) for pair in np.argwhere(chosen)], users=12)
    vectors = neighbour_vectors(ratings, np.ones(len(ratings), dtype=np.bool_), users=12, items=9, dimensions=4)
    by_user, by_item = chosen.sum(axis=1, keepdims=True), chosen.sum(axis=0) + 20.0
    _, singular, right = np.linalg.svd(chosen / np.sqrt(np.maximum(by_user, 1) * by_item), full_matrices=False)
    expected = (right[:4].T * singular[:4]) @ right[:4]
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-6)


def test_items_that_nobody_chose_and_surplus_dimensions_are_0() -> None:
    ratings = ratings_of([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)], users=3)
    vectors = neighbour_vectors(ratings, np.ones(5, dtype=np.bool_), users=3, items=4, dimensions=8)
    assert vectors.shape == (4, 8)
    assert not vectors[3].any()
    assert not vectors[:, 2:].any()


def test_ratings_that_are_no_choices_say_nothing() -> None:
    ratings = ratings_of([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 0)], users=3)
    chosen = np.array([True, True, True, True, True, False])
    vectors = neighbour_vectors(ratings, chosen, users=3, items=3, dimensions=2)
    assert abs(vectors[0] @ vectors[2]) < 1e-6 < vectors[0] @ vectors[1]
