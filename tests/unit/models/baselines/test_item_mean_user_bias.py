import numpy as np
import pytest

from models.baselines.item_mean_user_bias import ItemMeanUserBias
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import Rated, tiny_dataset, tiny_episode

DATASET = tiny_dataset([(0, 0, 5.0), (0, 1, 1.0), (1, 0, 5.0), (1, 1, 1.0), (2, 0, 1.0)], users=3, items=3)
TRAINING = np.array([True, True, True, True, False])

# The training mean is 3. Items 0 and 1 have two residuals of ±2 among ten of 0; item 2 has none.
ITEM_MEANS = [3 + 4 / 12, 3 - 4 / 12, 3.0]


def predictions(support: Rated) -> list[float]:
    query = [(item, 1.0) for item in range(3)]
    batch = EpisodeBatch.of([tiny_episode(support=support, query=query)])
    return ItemMeanUserBias.fit(DATASET, TRAINING).predict(batch)[0].tolist()


def test_prediction_without_support_is_the_items_shrunk_mean() -> None:
    assert predictions([]) == pytest.approx(ITEM_MEANS)


def test_user_bias_is_the_shrunk_mean_error_of_the_item_means() -> None:
    bias = ((5 - ITEM_MEANS[0]) + (4 - ITEM_MEANS[2])) / (2 + 3)
    assert predictions([(0, 5.0), (2, 4.0)]) == pytest.approx([mean + bias for mean in ITEM_MEANS])
