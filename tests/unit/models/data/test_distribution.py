import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.data.distribution import Distribution, likelihoods
from models.data.rating_scale import RatingScale

TENTHS = RatingScale(minimum=0, maximum=1, step=0.1)
CONTINUOUS = RatingScale(minimum=0, maximum=10, continuous=True)


def two_cells(scale: RatingScale, edges: list[float]) -> Distribution[NDArray[np.float32]]:
    return Distribution(scale, np.array(edges, dtype=np.float32), np.array([[0.3, 0.7]], dtype=np.float32))


def test_at_least_interpolates_within_a_cell() -> None:
    distribution = two_cells(CONTINUOUS, [0, 4, 10])
    found = [float(distribution.at_least(rating)[0]) for rating in (0, 1, 4, 7, 10)]
    assert found == pytest.approx([1.0, 0.925, 0.7, 0.35, 0.0])


def test_at_least_of_a_level_counts_the_whole_level() -> None:
    # The cells hold the levels 0 … 0.3 and 0.4 … 1.0, of the probabilities 0.3/4 and 0.7/7.
    distribution = two_cells(TENTHS, [-0.05, 0.35, 1.05])
    found = [float(distribution.at_least(rating)[0]) for rating in (0, 0.1, 0.4, 0.8, 1)]
    assert found == pytest.approx([1.0, 0.925, 0.7, 0.3, 0.1])


def test_tensors_give_the_same_as_arrays() -> None:
    arrays = two_cells(CONTINUOUS, [0, 4, 10])
    tensors = Distribution(arrays.scale, torch.from_numpy(arrays.edges), torch.from_numpy(arrays.probabilities))
    assert tensors.at_least(2.0).numpy() == pytest.approx(arrays.at_least(2.0))
    np.testing.assert_array_equal(tensors.to_numpy().probabilities, arrays.probabilities)
    np.testing.assert_array_equal(tensors.to_numpy().edges, arrays.edges)


def test_likelihoods_of_the_levels_add_up_to_1() -> None:
    distribution = two_cells(TENTHS, [-0.05, 0.35, 1.05])
    ratings = TENTHS.all_ratings.astype(np.float32)
    found = [float(likelihoods(distribution, np.array([rating]), smallest=1e-5)[0]) for rating in ratings]
    assert found == pytest.approx([0.075] * 4 + [0.1] * 7)
    assert sum(found) == pytest.approx(1.0)


def test_likelihood_on_a_continuous_scale_is_a_density() -> None:
    distribution = two_cells(CONTINUOUS, [0, 4, 10])
    found = [float(likelihoods(distribution, np.array([rating]), smallest=1e-5)[0]) for rating in (1.0, 9.0)]
    assert found == pytest.approx([0.3 / 4, 0.7 / 6])
