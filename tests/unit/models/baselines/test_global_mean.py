import numpy as np

from models.baselines.global_mean import GlobalMean
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import tiny_dataset, tiny_episode

DATASET = tiny_dataset([(0, 0, 5.0), (0, 1, 2.0), (1, 0, 5.0), (1, 1, 1.0)], users=2, items=3)


def test_prediction_is_the_mean_of_the_training_ratings() -> None:
    baseline = GlobalMean.fit(DATASET, np.array([True, True, True, False]))
    batch = EpisodeBatch.of([tiny_episode(support=[(0, 1.0)], query=[(1, 1.0), (2, 1.0)])])
    assert baseline.predict(batch).tolist() == [[4.0, 4.0]]
