import numpy as np
import pytest
from sklearn.linear_model import Ridge

from models.baselines.lists import BaselineLeftOutError
from models.baselines.lists.ease import EASE
from tests.unit.models.baselines.lists.checkerboard import ITEMS, checkerboard, fitted, interactions, scores_of


@pytest.mark.parametrize("other_weight", [0.0, 0.5])
def test_weights_are_those_of_a_ridge_regression_of_each_column_on_the_others(other_weight: float) -> None:
    dataset = checkerboard()
    matrix = interactions(dataset, other_weight)
    expected = np.zeros((ITEMS + 1, ITEMS + 1))
    for item in range(ITEMS + 1):
        others = np.delete(np.arange(ITEMS + 1), item)
        regression = Ridge(alpha=3.0, fit_intercept=False).fit(matrix[:, others], matrix[:, item])
        expected[others, item] = regression.coef_
    ranker = fitted(EASE(ridge=3.0, other_weight=other_weight), dataset)
    for item in range(ITEMS):
        np.testing.assert_allclose(scores_of(ranker, [(item, 5.0)]), expected[item], atol=1e-5)


def test_too_many_items_leave_it_out_with_both_numbers() -> None:
    with pytest.raises(BaselineLeftOutError, match="12 items are more than 11"):
        fitted(EASE(max_items=11), checkerboard())
