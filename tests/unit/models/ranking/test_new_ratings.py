import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.ranking.new_ratings import add_new_ratings

STATISTICS = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "rating_count": [10, 30, 0, 0],
        "rating_mean": [3.0, 4.0, None, None],
        "rating_entropy": [1.0, 2.0, 0.0, 0.0],
        "gradient_value": [0.5, 1.0, 0.0, 0.0],
    }
)
NORMS = np.array([1.0, 2.0, 1.5, 9.0])


def norms_of(rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return NORMS[rows]


def with_new_ratings(**counts: int) -> dict[str, list[object]]:
    ratings = {item_id: (count, 4.0, count) for item_id, count in counts.items()}
    return add_new_ratings(STATISTICS, ratings, norms_of).to_dict(as_series=False)


def test_rating_counts_with_new_ratings_are_the_sums() -> None:
    statistics = with_new_ratings(a=5, c=1, nothing=3)

    assert statistics["rating_count"] == [15, 30, 1, 0]
    assert statistics["new_rating_count"] == [5, 0, 1, 0]
    assert statistics["new_rating_mean"] == [4.0, None, 4.0, None]


def test_statistics_of_trained_items_with_new_ratings_stay() -> None:
    for name in ("rating_mean", "rating_entropy", "gradient_value"):
        assert with_new_ratings(a=5, b=5)[name] == STATISTICS[name].to_list()


def test_statistics_of_an_untrained_item_with_new_ratings_are_estimated() -> None:
    assert with_new_ratings(c=1)["gradient_value"] == [0.5, 1.0, 0.75, 0.0]
    assert with_new_ratings(c=1)["rating_entropy"] == [1.0, 2.0, 1.5, 0.0]


def test_gradient_value_with_a_large_norm_is_at_most_1() -> None:
    assert with_new_ratings(d=1)["gradient_value"] == [0.5, 1.0, 0.0, 1.0]


def test_gradient_value_without_trained_items_is_0() -> None:
    unseen = STATISTICS[2:]

    assert add_new_ratings(unseen, {"c": (4, 5.0, 4)}, norms_of)["gradient_value"].to_list() == [0.0, 0.0]
