import numpy as np
import pytest
from scipy import sparse

from models.baselines.pairwise_preference_regression import PairwisePreferenceRegression, solve_preferences
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import tiny_episode

RIDGE = 1000.0


def test_weights_equal_a_dense_solution_over_all_pairs() -> None:
    generator = np.random.default_rng(0)
    user_vectors, item_vectors = 5.0 * generator.random((6, 3)), 5.0 * generator.random((9, 4))
    users = np.repeat(np.arange(6, dtype=np.int32), [2, 3, 4, 5, 6, 1])
    items = np.concatenate([generator.permutation(9)[:count] for count in (2, 3, 4, 5, 6, 1)]).astype(np.int32)
    values = generator.integers(1, 6, len(users)).astype(np.float64)
    normal, target = RIDGE * np.eye(12), np.zeros(12)
    for user in range(6):
        rows = np.flatnonzero(users == user)
        for i in rows:
            for j in rows:
                difference = np.outer(user_vectors[user], item_vectors[items[i]] - item_vectors[items[j]]).ravel()
                normal += np.outer(difference, difference) / len(rows)
                target += difference * (values[i] - values[j]) / len(rows)
    expected = np.linalg.solve(normal, target).reshape(3, 4)
    weights = solve_preferences(sparse.csr_matrix(user_vectors), sparse.csr_matrix(item_vectors), users, items, values)
    np.testing.assert_allclose(weights, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        # The scores are 0, 1 and 2, the mean score 1/2, the mean rating 3: item by item, 2.5, 3.5 and 4.5.
        ([], 4.5),
        ([(1, 4.5)], 4.5 + 1.0 / (1 + 3)),
        ([(0, 2.5), (1, 1.5)], 4.5 - 2.0 / (2 + 3)),
    ],
)
def test_prediction_is_the_deviation_of_the_score_plus_the_level_of_the_support_set(
    support: list[tuple[int, float]], expected: float
) -> None:
    baseline = PairwisePreferenceRegression(
        weights=np.array([[0.5]]),
        users=sparse.csr_matrix([[2.0]]),
        items=sparse.csr_matrix([[0.0], [1.0], [2.0]]),
        item_shares=np.array([0.5, 0.5, 0.0]),
        mean=3.0,
    )
    batch = EpisodeBatch.of([tiny_episode(support=support, query=[(2, 1.0)])])
    assert baseline.predict(batch)[0, 0] == pytest.approx(expected)
