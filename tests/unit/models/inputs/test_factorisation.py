from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.data.dataset import Dataset
from models.inputs.factorisation import Factorisation, FactorisationConfig, factorise
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS = 200, 60
CONFIG = FactorisationConfig(rank=2)


def planted() -> tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]:
    """Ratings from a mean, biases and two factors with a little noise; the items' biases and factors."""
    generator = np.random.default_rng(0)
    user_biases, item_biases = generator.normal(0, 0.5, USERS), generator.normal(0, 0.7, ITEMS)
    user_factors, item_factors = (
        generator.normal(0, 1, (USERS, CONFIG.rank)),
        generator.normal(0, 1, (ITEMS, CONFIG.rank)),
    )
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
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("users", "items", "counts")
    )


class TestPlantedStructure:
    def test_factorisation_of_planted_data_finds_biases_and_factors(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset, biases, factors = data
        found = factorise(dataset, everything(dataset), CONFIG)
        # The users' mean factors are not 0, so their product with an item's factors is part of its bias.
        explained = np.column_stack([biases, factors, np.ones(ITEMS)])
        for target in (found.biases, *found.factors.T):
            coefficients, *_ = np.linalg.lstsq(explained, target, rcond=None)
            assert np.var(target - explained @ coefficients) < 0.02 * np.var(target)
        assert np.corrcoef(found.biases, biases)[0, 1] > 0.95
        reached, *_ = np.linalg.lstsq(np.column_stack([found.factors, np.ones(ITEMS)]), factors, rcond=None)
        left = factors - np.column_stack([found.factors, np.ones(ITEMS)]) @ reached
        assert np.var(left) < 0.03 * np.var(factors)

    def test_mean_of_factorisation_is_that_of_the_ratings(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset = data[0]
        found = factorise(dataset, everything(dataset), CONFIG)
        assert found.mean == pytest.approx(dataset.ratings.values.mean(dtype=np.float64))

    def test_factorisation_with_other_seed_is_nearly_the_same(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset = data[0]
        first, second = (
            factorise(dataset, everything(dataset), CONFIG.model_copy(update={"seed": seed})) for seed in (0, 1)
        )
        np.testing.assert_allclose(first.biases, second.biases, atol=0.05)
        np.testing.assert_allclose(first.factors @ first.factors.T, second.factors @ second.factors.T, atol=0.2)


class TestConfig:
    def test_biases_with_factors_held_at_0_solve_the_ridge_regressions_of_both_sides(self) -> None:
        # Item 0 is rated 5 and 4, item 1 is rated 1. A very large ridge holds the factors at 0. With ridge 4 on the
        # biases, the sum of squares has its minimum in each bias at b = Σ residuals / (ratings + 4).
        dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 4.0), (1, 1, 1.0)], users=2, items=2)
        mean, users, items = 10 / 3, np.zeros(2), np.zeros(2)
        for _ in range(12):
            users = np.array([(5 - mean - items[0]) / 5, (4 + 1 - 2 * mean - items.sum()) / 6])
            items = np.array([(5 + 4 - 2 * mean - users.sum()) / 6, (1 - mean - users[1]) / 5])
        found = factorise(dataset, everything(dataset), FactorisationConfig(rank=1, factor_ridge=1e12))
        np.testing.assert_allclose(found.biases, items, atol=1e-6)
        np.testing.assert_allclose(found.factors, 0.0, atol=1e-6)

    @pytest.mark.parametrize(
        "changes", [{"factor_ridge": 40.0}, {"bias_ridge": 40.0}, {"sweeps": 1}, {"initial_scale": 10.0, "sweeps": 1}]
    )
    def test_factorisation_with_other_choices_differs(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]], changes: dict[str, float]
    ) -> None:
        dataset = data[0]
        first = factorise(dataset, everything(dataset), CONFIG)
        assert not are_identical(first, factorise(dataset, everything(dataset), CONFIG.model_copy(update=changes)))


class TestTrainingRatings:
    def test_factorisation_with_other_held_out_ratings_stays_the_same(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset = data[0]
        training = np.random.default_rng(1).random(len(dataset.ratings)) < 0.5
        other_values = np.where(training, dataset.ratings.values, 6 - dataset.ratings.values).astype(np.float32)
        other = replace(dataset, ratings=replace(dataset.ratings, values=other_values))
        first, second = (factorise(some, training, CONFIG) for some in (dataset, other))
        assert are_identical(first, second)
        assert not are_identical(first, factorise(other, ~training, CONFIG))

    def test_items_without_training_ratings_are_0(self) -> None:
        dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 4.0), (1, 2, 1.0), (0, 3, 2.0)], users=3, items=5)
        training = dataset.ratings.items != 3
        found = factorise(dataset, training, CONFIG)
        assert found.counts.tolist() == [2, 0, 1, 0, 0]
        assert found.biases[[1, 3, 4]].tolist() == [0.0] * 3
        assert not found.factors[[1, 3, 4]].any()
        assert found.biases[0] > 0 > found.biases[2]
        assert np.isfinite(found.factors).all()


def random_factorisation(generator: np.random.Generator, *, users: int, items: int, rank: int) -> Factorisation:
    return Factorisation(
        config=FactorisationConfig(rank=rank),
        mean=3.0,
        users=generator.normal(size=(users, 1 + rank)),
        items=generator.normal(size=(items, 1 + rank)),
        counts=generator.integers(0, 3, items),
    )


class TestAlignment:
    def test_alignment_of_rotated_factors_undoes_the_rotation(self) -> None:
        generator = np.random.default_rng(0)
        first = random_factorisation(generator, users=5, items=30, rank=4)
        rotation, _ = np.linalg.qr(generator.normal(size=(4, 4)))
        rotated = replace(
            first,
            users=np.column_stack([first.users[:, 0], first.users[:, 1:] @ rotation]),
            items=np.column_stack([first.biases, first.factors @ rotation]),
        )
        aligned = rotated.aligned_to(first)
        np.testing.assert_allclose(aligned.users, first.users, atol=1e-12)
        np.testing.assert_allclose(aligned.factors, first.factors, atol=1e-12)
        np.testing.assert_array_equal(aligned.biases, first.biases)

    def test_alignment_keeps_all_predictions(self) -> None:
        generator = np.random.default_rng(1)
        first, second = (random_factorisation(generator, users=4, items=9, rank=3) for _ in range(2))
        aligned = second.aligned_to(first)
        np.testing.assert_allclose(
            aligned.users[:, 1:] @ aligned.factors.T, second.users[:, 1:] @ second.factors.T, atol=1e-12
        )


class TestItemsShrunkToExpectedValues:
    def test_shrunk_items_minimise_the_error_with_the_ridge_around_the_expected_values(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset = data[0]
        ratings = dataset.ratings
        found = factorise(dataset, everything(dataset), CONFIG)
        expected = np.random.default_rng(0).normal(size=(ITEMS, 1 + CONFIG.rank))
        shrunk = found.with_items_shrunk_to(expected, dataset, everything(dataset))
        for item in (0, 17):
            rated = ratings.items == item

            def cost(side: NDArray[np.float64], rated: NDArray[np.bool_] = rated, item: int = item) -> float:
                users = found.users[ratings.users[rated]]
                predicted = found.mean + users[:, 0] + side[0] + users[:, 1:] @ side[1:]
                ridges = np.array([4.0, *[10.0] * CONFIG.rank])
                return float(
                    np.square(ratings.values[rated] - predicted).sum() + ridges @ np.square(side - expected[item])
                )

            best = minimize(cost, expected[item], method="BFGS", options={"gtol": 1e-9})
            np.testing.assert_allclose(shrunk.items[item], best.x, atol=1e-4)
        np.testing.assert_array_equal(shrunk.users, found.users)

    def test_shrunk_items_without_ratings_are_the_expected_values(self) -> None:
        dataset = tiny_dataset([(0, 0, 5.0), (1, 0, 4.0), (1, 2, 1.0)], users=2, items=3)
        found = factorise(dataset, everything(dataset), CONFIG)
        expected = np.random.default_rng(0).normal(size=(3, 3))
        shrunk = found.with_items_shrunk_to(expected, dataset, everything(dataset))
        np.testing.assert_array_equal(shrunk.items[1], expected[1])
        assert (shrunk.biases[[0, 2]] != expected[[0, 2], 0]).all()

    def test_items_shrunk_to_0_are_those_of_the_factorisation(
        self, data: tuple[Dataset, NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        dataset = data[0]
        found = factorise(dataset, everything(dataset), CONFIG)
        shrunk = found.with_items_shrunk_to(np.zeros_like(found.items), dataset, everything(dataset))
        np.testing.assert_allclose(shrunk.items, found.items, atol=1e-9)
