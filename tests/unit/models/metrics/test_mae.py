import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from models.metrics.mae import mae


def test_equals_scikit_learn_user_by_user() -> None:
    generator = np.random.default_rng(0)
    ratings = generator.integers(1, 6, (5, 7)).astype(np.float32)
    predictions = generator.uniform(1, 5, (5, 7)).astype(np.float32)
    sizes = [7, 1, 3, 6, 2]
    mask = np.arange(7) < np.array(sizes)[:, None]
    expected = [mean_absolute_error(ratings[user, :size], predictions[user, :size]) for user, size in enumerate(sizes)]
    np.testing.assert_allclose(mae(ratings, predictions, mask), expected, rtol=1e-6)


@pytest.mark.parametrize("junk", [1e30, -1e30, np.inf, np.nan])
def test_what_was_predicted_for_padding_does_not_matter(junk: float) -> None:
    ratings, mask = np.array([[4, 0]], dtype=np.float32), np.array([[True, False]])
    assert mae(ratings, np.array([[2.5, junk]], dtype=np.float32), mask).tolist() == [1.5]
