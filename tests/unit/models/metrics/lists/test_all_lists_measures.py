"""Each measure of the lists of all users, against answers computed by hand and by going through all pairs."""

from itertools import combinations

import numpy as np
import pytest

from models.metrics.lists import ALL_LISTS_MEASURES, NO_ITEM

DISTINCT = ALL_LISTS_MEASURES["distinct_items@10"]
SIMILARITY = ALL_LISTS_MEASURES["list_similarity@10"]


def test_distinct_items_counts_each_item_once_and_no_filling() -> None:
    assert DISTINCT.of_all(np.array([[3, 5], [5, 8], [3, NO_ITEM]])) == 3.0


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([[1, 2], [2, 1]], 1.0),
        ([[1, 2], [3, 4]], 0.0),
        ([[1, 2], [2, 3], [4, 5]], 1 / 6),
        ([[1, NO_ITEM], [2, NO_ITEM]], 0.0),
    ],
)
def test_similarity_of_a_few_lists_is_the_mean_overlap_of_pairs(items: list[list[int]], expected: float) -> None:
    assert SIMILARITY.of_all(np.array(items)) == pytest.approx(expected)


def test_similarity_of_random_lists_equals_the_mean_over_all_pairs() -> None:
    generator = np.random.default_rng(0)
    items = np.stack([generator.permutation(25)[:10] for _ in range(30)])
    overlaps = [len(set(one) & set(other)) / 10 for one, other in combinations(items.tolist(), 2)]
    assert SIMILARITY.of_all(items) == pytest.approx(np.mean(overlaps))


def test_similarity_of_a_single_user_is_undefined() -> None:
    assert np.isnan(SIMILARITY.of_all(np.array([[1, 2]])))
