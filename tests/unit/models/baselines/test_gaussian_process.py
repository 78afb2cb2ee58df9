import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct

from models.baselines.gaussian_process import GaussianProcess
from models.baselines.matrix_factorisation import MatrixFactorisation
from models.data.episodes import EpisodeBatch
from tests.unit.models.baselines.item_knowledge import random_items
from tests.unit.models.tiny_data import tiny_episode

EPISODES = [
    tiny_episode(support=[(0, 5.0), (1, 2.0), (2, 4.0), (3, 1.0)], query=[(4, 1.0), (5, 1.0)]),
    tiny_episode(support=[(6, 3.0)], query=[(7, 1.0)]),
    tiny_episode(support=[], query=[(8, 1.0)]),
]


def test_prediction_is_the_posterior_mean() -> None:
    items = random_items(12)
    predictions = GaussianProcess(items).predict(EpisodeBatch.of(EPISODES))
    vectors = np.hstack([np.sqrt(0.8) * items.features.toarray(), np.sqrt(0.08) * items.factors])
    levels = items.mean + items.biases
    for row, episode in enumerate(EPISODES[:2]):
        process = GaussianProcessRegressor(DotProduct(sigma_0=np.sqrt(0.2)), alpha=0.8, optimizer=None)
        process.fit(vectors[episode.support_items], episode.support_ratings - levels[episode.support_items])
        expected = levels[episode.query_items] + process.predict(vectors[episode.query_items])
        np.testing.assert_allclose(predictions[row, : len(expected)], expected, rtol=1e-5)
    np.testing.assert_allclose(predictions[2, 0], levels[8], rtol=1e-6)


def test_prediction_without_attributes_equals_matrix_factorisation() -> None:
    items = random_items(12, features=np.zeros((12, 1)))
    batch = EpisodeBatch.of(EPISODES)
    mask = batch.query_mask
    np.testing.assert_allclose(
        GaussianProcess(items).predict(batch)[mask], MatrixFactorisation(items).predict(batch)[mask], rtol=1e-5
    )
