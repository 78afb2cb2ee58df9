import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from models.metrics.calibration import reliability


def test_reliability_has_the_bins_with_predictions_in_order() -> None:
    predicted = np.array([0.95, 0.05, 0.15, 0.05, 1.0])
    observed = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    found = reliability(predicted, observed, low=0.0, high=1.0)
    assert [(each.predicted, each.observed, each.count) for each in found] == [
        (pytest.approx(0.05), 0.5, 2),
        (pytest.approx(0.15), 1.0, 1),
        (pytest.approx(0.975), 0.5, 2),
    ]


def test_reliability_of_values_on_another_scale() -> None:
    (low, high) = reliability(np.array([1.0, 10.0]), np.array([2.0, 9.0]), low=1.0, high=10.0, bins=2)
    assert (low.predicted, low.observed, high.predicted, high.observed) == (1.0, 2.0, 10.0, 9.0)


def test_reliability_without_predictions_is_empty() -> None:
    assert reliability(np.array([]), np.array([]), low=0.0, high=1.0) == []


@given(st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=1, max_size=60))
def test_reliability_agrees_with_scikit_learn(pairs: list[tuple[int, bool]]) -> None:
    # No prediction lies on an edge, because scikit-learn counts an edge to the lower bin.
    predicted = np.array([(number + 0.5) / 1000 for number, _ in pairs])
    observed = np.array([float(happened) for _, happened in pairs])
    found = reliability(predicted, observed, low=0.0, high=1.0)
    shares, means = calibration_curve(observed, predicted, n_bins=10)
    assert [each.observed for each in found] == pytest.approx(list(shares))
    assert [each.predicted for each in found] == pytest.approx(list(means))
    assert sum(each.count for each in found) == len(pairs)
