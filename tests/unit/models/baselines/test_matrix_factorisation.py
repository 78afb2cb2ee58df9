import numpy as np
from sklearn.linear_model import Ridge

from models.baselines.matrix_factorisation import MatrixFactorisation
from models.data.episodes import EpisodeBatch
from tests.unit.models.baselines.item_knowledge import random_items
from tests.unit.models.tiny_data import tiny_episode

ITEMS = random_items(12)
EPISODES = [
    tiny_episode(support=[(0, 5.0), (1, 2.0), (2, 4.0), (3, 1.0)], query=[(4, 1.0), (5, 1.0)]),
    tiny_episode(support=[(6, 3.0)], query=[(7, 1.0)]),
]


def test_fold_in_is_ridge_regression_of_the_residuals() -> None:
    predictions = MatrixFactorisation(ITEMS).predict(EpisodeBatch.of(EPISODES))
    # One ridge of 10 for all, because a ridge of 4 on a column of 1 is one of 10 on a column of √(10/4).
    inputs = np.column_stack([np.full(12, np.sqrt(10.0 / 4.0)), ITEMS.factors])
    for row, episode in enumerate(EPISODES):
        ridge = Ridge(alpha=10.0, fit_intercept=False)
        levels = ITEMS.mean + ITEMS.biases
        ridge.fit(inputs[episode.support_items], episode.support_ratings - levels[episode.support_items])
        expected = levels[episode.query_items] + ridge.predict(inputs[episode.query_items])
        np.testing.assert_allclose(predictions[row, : len(expected)], expected, rtol=1e-5)


def test_prediction_without_support_is_the_items_bias() -> None:
    batch = EpisodeBatch.of([tiny_episode(support=[], query=[(4, 1.0)])])
    np.testing.assert_allclose(MatrixFactorisation(ITEMS).predict(batch), [[ITEMS.mean + ITEMS.biases[4]]], rtol=1e-6)
