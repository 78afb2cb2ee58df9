from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.collaborative import Factorisation, factorise
from models.data.dataset import Dataset
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS, RANK = 200, 60, 2


def planted() -> tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]:
    """Ratings that are a mean, biases and two factors, with a little noise; the items' biases and factors."""
    generator = np.random.default_rng(0)
    user_biases, item_biases = generator.normal(0, 0.5, USERS), generator.normal(0, 0.7, ITEMS)
    user_factors, item_factors = generator.normal(0, 1, (USERS, RANK)), generator.normal(0, 1, (ITEMS, RANK))
    values = 3.0 + user_biases[:, None] + item_biases + user_factors @ item_factors.T
    values += generator.normal(0, 0.1, values.shape)
    ratings = [
        (user, item, values[user, item])
        for user in range(USERS)
        for item in generator.permutation(ITEMS)[: ITEMS * 2 // 3]
    ]
    return tiny_dataset(ratings, users=USERS, items=ITEMS), item_biases, item_factors


@pytest.fixture(scope="module")
def data() -> tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]:
    return planted()


def everything(dataset: Dataset) -> NDArray[np.bool_]:
    return np.ones(len(dataset.ratings), dtype=np.bool_)


def are_identical(first: Factorisation, second: Factorisation) -> bool:
    return first.mean == second.mean and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("biases", "factors", "counts")
    )


class TestPlantedStructure:
    def test_biases_and_the_space_of_the_factors_are_found(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset, biases, factors = data
        found = factorise(dataset, everything(dataset), rank=RANK, seed=0)
        # The users' mean factors are not 0, and what they make of an item's factors is part of its bias.
        explained = np.column_stack([biases, factors, np.ones(ITEMS)])
        for target in (found.biases, *found.factors.T):
            coefficients, *_ = np.linalg.lstsq(explained, target, rcond=None)
            assert np.var(target - explained @ coefficients) < 0.02 * np.var(target)
        assert np.corrcoef(found.biases, biases)[0, 1] > 0.95
        reached, *_ = np.linalg.lstsq(np.column_stack([found.factors, np.ones(ITEMS)]), factors, rcond=None)
        left = factors - np.column_stack([found.factors, np.ones(ITEMS)]) @ reached
        assert np.var(left) < 0.03 * np.var(factors)

    def test_mean_is_that_of_the_ratings(self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]) -> None:
        dataset = data[0]
        found = factorise(dataset, everything(dataset), rank=RANK, seed=0)
        assert found.mean == pytest.approx(dataset.ratings.values.mean(dtype=np.float64))

    def test_start_hardly_matters(self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]) -> None:
        dataset = data[0]
        first, second = (factorise(dataset, everything(dataset), rank=RANK, seed=seed) for seed in (0, 1))
        np.testing.assert_allclose(first.biases, second.biases, atol=0.05)
        np.testing.assert_allclose(first.factors @ first.factors.T, second.factors @ second.factors.T, atol=0.2)


class TestWithoutFactors:
    def test_biases_solve_both_sides_ridge_regressions(self) -> None:
        # Item 0 is rated 5 and 4, item 1 is rated 1. Bias by bias, the sums of squares with ridge 4 have their minimum
        # where b = Σ residuals / (ratings + 4).
        dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 4.0), (1, 1, 1.0)], users=2, items=2)
        mean, users, items = 10 / 3, np.zeros(2), np.zeros(2)
        for _ in range(12):
            users = np.array([(5 - mean - items[0]) / 5, (4 + 1 - 2 * mean - items.sum()) / 6])
            items = np.array([(5 + 4 - 2 * mean - users.sum()) / 6, (1 - mean - users[1]) / 5])
        found = factorise(dataset, everything(dataset), rank=0, seed=0)
        np.testing.assert_allclose(found.biases, items, atol=1e-6)
        assert found.factors.shape == (2, 0)


class TestTrainingRatings:
    def test_alone_matter(self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]) -> None:
        dataset = data[0]
        training = np.random.default_rng(1).random(len(dataset.ratings)) < 0.5
        other_values = np.where(training, dataset.ratings.values, 6 - dataset.ratings.values).astype(np.float32)
        other = replace(dataset, ratings=replace(dataset.ratings, values=other_values))
        first, second = (factorise(own, training, rank=RANK, seed=0) for own in (dataset, other))
        assert are_identical(first, second)
        assert not are_identical(first, factorise(other, ~training, rank=RANK, seed=0))

    def test_items_without_them_get_0(self) -> None:
        dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 4.0), (1, 2, 1.0), (0, 3, 2.0)], users=3, items=5)
        training = dataset.ratings.items != 3
        found = factorise(dataset, training, rank=2, seed=0)
        assert found.counts.tolist() == [2, 0, 1, 0, 0]
        assert found.biases[[1, 3, 4]].tolist() == [0.0] * 3
        assert not found.factors[[1, 3, 4]].any()
        assert found.biases[0] > 0 > found.biases[2]
        assert np.isfinite(found.factors).all()


class TestAlignment:
    def test_undoes_a_turn(self) -> None:
        generator = np.random.default_rng(0)
        factors = generator.normal(size=(30, 4))
        turn, _ = np.linalg.qr(generator.normal(size=(4, 4)))
        counts = generator.integers(0, 3, 30)
        first = Factorisation(mean=3.0, biases=generator.normal(size=30), factors=factors, counts=counts)
        turned = replace(first, factors=factors @ turn)
        aligned = turned.aligned_to(first)
        np.testing.assert_allclose(aligned.factors, factors, atol=1e-12)
        np.testing.assert_array_equal(aligned.biases, first.biases)

    def test_changes_no_inner_product(self) -> None:
        generator = np.random.default_rng(1)
        first, second = (
            Factorisation(3.0, np.zeros(9), generator.normal(size=(9, 3)), np.ones(9, dtype=np.int64)) for _ in range(2)
        )
        aligned = second.aligned_to(first).factors
        np.testing.assert_allclose(aligned @ aligned.T, second.factors @ second.factors.T, atol=1e-12)
