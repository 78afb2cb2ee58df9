import numpy as np
import pytest
from numpy.typing import NDArray

from models.data.dataset import State
from models.data.rating_scale import RatingScale
from models.evaluation.details import calibration, user_errors
from tests.unit.models.tiny_data import tiny_episode

SCALE = RatingScale(minimum=1, maximum=5)


class TestUserErrors:
    def test_user_errors_groups_and_histogram_of_known_errors(self) -> None:
        episodes = [
            tiny_episode(user=user, support=[(0, 5.0)] * (user + 1), query=[(1, 1.0)], state=State.USER_COLD)
            for user in range(20)
        ]
        errors = np.linspace(0.0, 1.9, 20)
        found = user_errors(episodes, errors, SCALE)
        assert found.mae == tuple(np.round(errors, 4))
        assert found.counts == (1,) * 20
        assert found.bin_width == 0.1
        assert found.quantiles[50] == pytest.approx(0.95)
        worst, everyone = found.groups
        assert (worst.users, worst.mae, worst.support_ratings) == (2, pytest.approx(1.85), 19.5)
        assert (everyone.users, everyone.mae, everyone.support_ratings) == (20, pytest.approx(0.95), 10.5)
        assert worst.rating_mean == pytest.approx((5 * 19 + 1) / 20 / 2 + (5 * 20 + 1) / 21 / 2)

    def test_user_errors_on_an_edge_belong_to_the_upper_bin(self) -> None:
        # In floating point, 3 × 0.1 is more than 0.3.
        episodes = [tiny_episode(support=[], query=[(1, 1.0)]) for _ in range(3)]
        assert user_errors(episodes, np.array([0.3, 0.7, 4.0]), SCALE).counts[3] == 1
        assert user_errors(episodes, np.array([0.3, 0.7, 4.0]), SCALE).counts[7] == 1


def at_least(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of levels → those of each level above the lowest, or a higher one."""
    return np.asarray(probabilities[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:])


class TestCalibration:
    def test_calibration_of_right_probabilities_is_on_the_diagonal(self) -> None:
        ratings = np.array([1, 5, 5, 5], dtype=np.float32)
        probabilities = np.tile(np.array([0.25, 0, 0, 0, 0.75], dtype=np.float32), (4, 1))
        found = calibration(ratings, np.full(4, 4.0, dtype=np.float32), at_least(probabilities), SCALE)
        assert [event.threshold for event in found.thresholds] == [2, 3, 4, 5]
        for event in found.thresholds:
            (only,) = event.bins
            assert (only.predicted, only.observed, only.count) == (pytest.approx(0.75), 0.75, 4)
        (expected,) = found.ratings
        assert (expected.predicted, expected.observed, expected.count) == (4.0, 4.0, 4)

    def test_calibration_of_half_stars_has_a_threshold_for_each_level_above_the_lowest(self) -> None:
        scale = RatingScale(minimum=0.5, maximum=5, step=0.5)
        probabilities = np.eye(10, dtype=np.float32)
        ratings = np.arange(1, 11, dtype=np.float32) / 2
        found = calibration(ratings, ratings, at_least(probabilities), scale)
        assert [event.threshold for event in found.thresholds] == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
        for event in found.thresholds:
            assert all(point.predicted == point.observed for point in event.bins)

    def test_calibration_without_a_distribution_has_no_thresholds(self) -> None:
        ratings = np.array([1, 5], dtype=np.float32)
        assert calibration(ratings, ratings, None, SCALE).thresholds == ()
