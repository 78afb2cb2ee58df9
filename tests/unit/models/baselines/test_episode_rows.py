from dataclasses import replace

import numpy as np
import pytest

from models.baselines.episode_rows import EpisodeRows
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from tests.unit.models.baselines.item_knowledge import random_items
from tests.unit.models.tiny_data import tiny_episode

# Everything that is known of the items is their genre, horror or comedy in turns.
ITEMS = replace(
    random_items(40, features=np.eye(2)[np.arange(40) % 2]),
    mean=3.0,
    biases=np.zeros(40),
    factors=np.zeros((40, 16)),
)
BATCH = EpisodeBatch.of(
    [
        tiny_episode(user=1, support=[(0, 5.0), (2, 4.0), (3, 3.0)], query=[(4, 1.0), (5, 1.0)]),
        tiny_episode(user=2, support=[], query=[(4, 1.0)]),
    ]
)
BIAS = (2.0 + 1.0 + 0.0) / (3 + 4)


@pytest.fixture(scope="module")
def rows(two_tastes: Dataset) -> EpisodeRows:
    return EpisodeRows.fit(two_tastes, np.ones(len(two_tastes.ratings), dtype=np.bool_))


def test_rows_are_one_per_query_item(rows: EpisodeRows, two_tastes: Dataset) -> None:
    table = rows.of(BATCH, ITEMS)
    ages, years = two_tastes.users.table["age"].to_numpy(), two_tastes.items.table["year"].to_numpy()
    assert rows.categorical == [0]
    # Countries are numbered by name from 1, because all are as frequent.
    assert table[:, 0].tolist() == [3, 3, 1]
    np.testing.assert_allclose(table[:, 1], (ages[[1, 1, 2]] - ages.mean()) / ages.std(), rtol=1e-5)
    # Comedy, horror.
    assert table[:, 2:4].tolist() == [[0, 1], [1, 0], [0, 1]]
    np.testing.assert_allclose(table[:, 4], (years[[4, 5, 4]] - years.mean()) / years.std(), rtol=1e-5)


def test_rows_have_the_statistics_of_the_support_set(rows: EpisodeRows) -> None:
    size, mean, spread, bias = rows.of(BATCH, ITEMS)[:, 5:9].T
    assert size.tolist() == [3, 3, 0]
    np.testing.assert_allclose(mean, [4.0, 4.0, np.nan])
    np.testing.assert_allclose(spread, [np.sqrt(2 / 3), np.sqrt(2 / 3), np.nan])
    np.testing.assert_allclose(bias, [BIAS, BIAS, 0.0], atol=1e-12)


def test_rows_have_the_mean_residuals_by_value(rows: EpisodeRows) -> None:
    prediction, item_bias, count, by_factors, by_attributes, by_genre = rows.of(BATCH, ITEMS)[:, 9:].T
    np.testing.assert_allclose(prediction, [3.0 + BIAS, 3.0 + BIAS, 3.0])
    assert item_bias.tolist() == [0, 0, 0]
    assert count.tolist() == [10, 10, 10]
    assert by_factors.tolist() == [0, 0, 0]
    # Two horror films stand behind the first query item, a comedy behind the second.
    horror, comedy = (2.0 + 1.0 - 2 * BIAS) / (2 + 1), -BIAS / (1 + 1)
    np.testing.assert_allclose(by_attributes, [horror, comedy, 0.0], atol=1e-12)
    np.testing.assert_allclose(by_genre, [horror, comedy, 0.0], atol=1e-12)
