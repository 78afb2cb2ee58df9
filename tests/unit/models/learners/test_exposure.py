import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.data.dataset import Dataset
from models.learners.exposure import Exposure, ExposureConfig
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS = 80, 30


def two_audiences() -> Dataset:
    """Users 0, 2, … have seen about 75 % of the items 0 … 14 and 10 % of 15 … 29; other users the reverse.

    Nobody has seen item 30.
    """
    generator = np.random.default_rng(0)
    ratings = []
    for user in range(USERS):
        chances = np.where((np.arange(ITEMS) < ITEMS // 2) == (user % 2 == 0), 0.75, 0.1)
        ratings += [(user, int(item), 3.0) for item in np.flatnonzero(generator.random(ITEMS) < chances)]
    return tiny_dataset(ratings, users=USERS, items=ITEMS + 1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return two_audiences()


@pytest.fixture(scope="module")
def exposure(dataset: Dataset) -> Exposure:
    return Exposure.fit(dataset, np.ones(len(dataset.ratings), dtype=np.bool_), seed=0)


def folded_in(exposure: Exposure, answered: list[int], skipped: list[int]) -> NDArray[np.float64]:
    """P(seen) of every item, given one user's answers and skips."""
    items = np.array([[*answered, *skipped]], dtype=np.int64)
    seen = np.arange(items.shape[1])[None] < len(answered)
    return exposure.probabilities(exposure.fold_in(items, seen, np.ones(items.shape, dtype=np.bool_)))[0]


def random_exposure(generator: np.random.Generator, items: int) -> Exposure:
    return Exposure(generator.normal(-1.0, 1.5, items), generator.normal(0.0, 1.0, (items, 3)))


class TestFit:
    def test_mean_probability_without_answers_is_the_share_of_raters(
        self, exposure: Exposure, dataset: Dataset
    ) -> None:
        # This is the mean of the probability over the prior, not the probability at the prior's mean.
        users = np.random.default_rng(0).normal(size=(20_000, exposure.loadings.shape[1]))
        shares = np.bincount(dataset.ratings.items, minlength=ITEMS + 1) / USERS
        np.testing.assert_allclose(exposure.probabilities(users).mean(axis=0), shares, atol=0.1)

    def test_answers_of_one_audience_raise_its_items(self, exposure: Exposure) -> None:
        after = folded_in(exposure, [0, 1], [])
        assert after[2:15].min() > after[15:30].max()

    def test_skips_of_one_audience_lower_its_items(self, exposure: Exposure) -> None:
        after = folded_in(exposure, [], [0, 1, 2])
        assert after[3:15].max() < after[15:30].min()

    def test_fit_with_further_held_out_ratings_stays_the_same(self, dataset: Dataset, exposure: Exposure) -> None:
        more = [(0, ITEMS, 5.0)] * 10
        ratings = [
            *zip(
                dataset.ratings.users.tolist(),
                dataset.ratings.items.tolist(),
                [3.0] * len(dataset.ratings),
                strict=True,
            ),
            *more,
        ]
        larger = tiny_dataset(ratings, users=USERS, items=ITEMS + 1)
        again = Exposure.fit(larger, larger.ratings.items != ITEMS, seed=0)
        np.testing.assert_array_equal(again.biases, exposure.biases)
        np.testing.assert_array_equal(again.loadings, exposure.loadings)

    def test_probability_of_unrated_item_is_nearly_0(self, exposure: Exposure) -> None:
        assert folded_in(exposure, list(range(15)), [])[ITEMS] < 1e-4

    def test_fit_with_more_than_max_users_samples_them(self, dataset: Dataset, exposure: Exposure) -> None:
        config = ExposureConfig(max_users=USERS // 2)
        fewer = Exposure.fit(dataset, np.ones(len(dataset.ratings), dtype=np.bool_), seed=0, config=config)
        assert not np.array_equal(fewer.biases, exposure.biases)
        after = folded_in(fewer, [0, 1], [])
        assert after[2:15].mean() > 2 * after[15:30].mean()

    def test_fit_with_more_than_max_items_gives_rare_items_their_share_of_raters(self, dataset: Dataset) -> None:
        counts = np.bincount(dataset.ratings.items, minlength=ITEMS + 1)
        rare = np.argsort(-counts, kind="stable")[20:ITEMS]
        config = ExposureConfig(max_items=20)
        fewer = Exposure.fit(dataset, np.ones(len(dataset.ratings), dtype=np.bool_), seed=0, config=config)
        common = int(counts.argmax())
        for after in (folded_in(fewer, [common], []), folded_in(fewer, [], [common])):
            np.testing.assert_allclose(after[rare], (counts[rare] + 0.5) / (USERS + 1))

    def test_fit_with_one_user_and_one_item_is_finite(self) -> None:
        alone = Exposure.fit(tiny_dataset([(0, 0, 3.0)], users=1, items=2), np.array([True]), seed=0)
        assert np.isfinite(alone.biases).all()
        assert folded_in(alone, [], [])[0] > folded_in(alone, [], [])[1]


class TestFoldIn:
    @given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40))
    def test_fold_in_of_any_answers_finds_the_most_probable_factors(self, seed: int, count: int) -> None:
        generator = np.random.default_rng(seed)
        exposure = random_exposure(generator, 50)
        items, seen = generator.permutation(50)[:count], generator.random(count) < 0.4

        def negative_log_posterior(factors: NDArray[np.float64]) -> float:
            log_odds = exposure.biases[items] + exposure.loadings[items] @ factors
            return float((np.logaddexp(0.0, log_odds) - seen * log_odds).sum() + factors @ factors / 2)

        expected = minimize(negative_log_posterior, np.zeros(3), method="BFGS", options={"gtol": 1e-7})
        actual = exposure.fold_in(items[None], seen[None], np.ones((1, count), dtype=np.bool_))
        np.testing.assert_allclose(actual[0], expected.x, atol=1e-4)

    @given(seed=st.integers(0, 2**32 - 1))
    def test_fold_in_of_a_batch_equals_that_of_its_users_alone(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        exposure = random_exposure(generator, 20)
        items = np.stack([generator.permutation(20)[:8] for _ in range(5)])
        lengths = generator.integers(0, 9, 5)
        mask = np.arange(8) < lengths[:, None]
        seen = generator.random((5, 8)) < 0.5
        batch = exposure.fold_in(items, seen & mask, mask)
        for user, length in enumerate(lengths):
            row = (slice(user, user + 1), slice(length))
            alone = exposure.fold_in(items[row], seen[row], mask[row])
            np.testing.assert_allclose(alone, batch[user : user + 1], atol=1e-7)

    def test_fold_in_without_answers_gives_the_prior_mean(self, exposure: Exposure) -> None:
        np.testing.assert_array_equal(exposure.fold_in(*(np.zeros((2, 0), dtype=int),) * 3), 0.0)


class TestOver:
    def test_exposure_over_other_items_keeps_known_items_and_rarely_shows_new_ones(self, exposure: Exposure) -> None:
        other = exposure.over([3, None, 0])
        before = folded_in(exposure, [3], [])
        after = folded_in(other, [0], [])
        np.testing.assert_allclose(after[[0, 2]], before[[3, 0]], rtol=1e-12)
        assert after[1] < 1e-4


class TestWithRatings:
    def test_probability_of_new_item_with_counts_is_its_share_of_raters(self, exposure: Exposure) -> None:
        other = exposure.over([3, None, None, None]).with_ratings(np.array([0, 40, 0, 500]), users=USERS)
        seen = folded_in(other, [], [])
        np.testing.assert_allclose(seen[0], folded_in(exposure, [], [])[3], rtol=1e-12)
        np.testing.assert_allclose(seen[[1, 3]], [40.5 / (USERS + 1), (USERS + 0.5) / (USERS + 1)])
        assert seen[2] < 1e-4
