import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.ratio import RatioSums, mean_interval_95, share_interval_95


def sums_of(n: NDArray[np.float64], t: NDArray[np.float64]) -> RatioSums:
    return RatioSums(len(n), n.sum(), t.sum(), (n * n).sum(), (t * t).sum(), (n * t).sum())


def test_share_interval_of_independent_rows_is_wilsons() -> None:
    # 20 of 100 rows, each of another user. Wilson's interval for this is .1334 to .2888.
    clicks = np.repeat([1.0, 0.0], [20, 80])

    assert share_interval_95(sums_of(np.ones(100), clicks)) == pytest.approx((0.1334, 0.2888), abs=1e-3)


def test_share_interval_of_clustered_rows_is_wider() -> None:
    n = np.full(100, 10.0)
    all_or_nothing = share_interval_95(sums_of(n, np.repeat([10.0, 0.0], [20, 80])))
    everybody_alike = share_interval_95(sums_of(n, np.full(100, 2.0)))

    assert all_or_nothing == pytest.approx((0.1334, 0.2888), abs=1e-3)  # as if each user were one row
    assert everybody_alike == pytest.approx((0.1764, 0.2259), abs=5e-4)  # as if the 1,000 rows were independent


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_interval_of_unanimous_rows_counts_users_instead(share: float) -> None:
    low, high = share_interval_95(sums_of(np.full(10, 100.0), np.full(10, share * 100)))

    assert high - low == pytest.approx(0.2775, abs=1e-3)  # Wilson's of 0 in 10
    assert min(low, 1 - high) == pytest.approx(0.0, abs=1e-12)


def test_share_interval_of_one_user_is_very_wide() -> None:
    low, high = share_interval_95(sums_of(np.array([1000.0]), np.array([200.0])))

    assert low < 0.05
    assert high > 0.7


def test_share_interval_holds_the_true_share_in_95_of_100_samples() -> None:
    generator = np.random.default_rng(0)
    users, held_shares, held_means = 60, 0, 0
    for _ in range(1000):
        n = generator.integers(1, 30, users).astype(float)
        own = generator.beta(1.0, 4.0, users)  # users differ: on average they click .2
        low, high = share_interval_95(sums_of(n, generator.binomial(n.astype(int), own).astype(float)))
        held_shares += low <= 0.2 <= high
        interval = mean_interval_95(sums_of(n, n * generator.gamma(4.0, 0.25, users)))
        assert interval is not None
        held_means += interval[0] <= 1.0 <= interval[1]

    assert 0.92 < held_shares / 1000 < 0.98
    assert 0.92 < held_means / 1000 < 0.98


def test_mean_interval_of_one_user_is_none() -> None:
    assert mean_interval_95(sums_of(np.array([5.0]), np.array([4.0]))) is None


def test_mean_interval_of_equal_users_has_no_width() -> None:
    assert mean_interval_95(sums_of(np.array([5.0, 10.0]), np.array([4.0, 8.0]))) == pytest.approx((0.8, 0.8))
