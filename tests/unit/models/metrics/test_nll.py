import numpy as np
import pytest
from sklearn.metrics import log_loss

from models.metrics.nll import nll

LEVELS = 5


def test_equals_scikit_learn_user_by_user() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(LEVELS), (5, 7))
    true = generator.integers(0, LEVELS, (5, 7))
    likelihoods = np.take_along_axis(probabilities, true[..., None], axis=-1)[..., 0].astype(np.float32)
    sizes = [7, 1, 3, 6, 2]
    mask = np.arange(7) < np.array(sizes)[:, None]
    expected = [
        log_loss(true[user, :size], probabilities[user, :size], labels=range(LEVELS)) for user, size in enumerate(sizes)
    ]
    np.testing.assert_allclose(nll(likelihoods, mask), expected, rtol=1e-5)


def test_a_rating_that_was_held_impossible_costs_what_one_in_100_000_does() -> None:
    mask = np.ones((1, 1), dtype=np.bool_)
    expected = pytest.approx([-np.log(1e-5)])
    assert nll(np.array([[0.0]], dtype=np.float32), mask).tolist() == expected
    assert nll(np.array([[1e-7]], dtype=np.float32), mask).tolist() == expected


@pytest.mark.parametrize("junk", [0.0, 0.3, 1.0, np.nan])
def test_what_was_predicted_for_padding_does_not_matter(junk: float) -> None:
    likelihoods = np.array([[0.25, junk]], dtype=np.float32)
    assert nll(likelihoods, np.array([[True, False]])).tolist() == pytest.approx([np.log(4)])
