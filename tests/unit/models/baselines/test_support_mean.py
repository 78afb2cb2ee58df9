import numpy as np
import pytest

from models.baselines.support_mean import SupportMean
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import Rated, tiny_dataset, tiny_episode

DATASET = tiny_dataset([(0, 0, 4.0), (0, 1, 2.0), (1, 0, 5.0)], users=2, items=3)


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        ([], 3.0),
        ([(0, 5.0)], 3.0 + 2.0 / (1 + 3)),
        ([(0, 5.0), (1, 4.0), (2, 3.0)], 3.0 + (2.0 + 1.0 + 0.0) / (3 + 3)),
        ([(0, 1.0), (1, 5.0)], 3.0),
    ],
)
def test_prediction_is_shrunk_to_the_training_mean_by_three_ratings(support: Rated, expected: float) -> None:
    baseline = SupportMean.fit(DATASET, np.array([True, True, False]))
    batch = EpisodeBatch.of([tiny_episode(support=support, query=[(0, 1.0), (1, 1.0)])])
    assert baseline.predict(batch)[0].tolist() == pytest.approx([expected, expected])
