from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from models.baselines import wide_and_deep
from models.baselines.global_mean import GlobalMean
from models.baselines.wide_and_deep import Side, WideAndDeep, WideAndDeepNetwork
from models.data.dataset import Dataset, Entities, State
from models.data.episodes import EpisodeBatch
from models.data.evaluation_episodes import evaluation_episodes
from models.data.splits import Split, SplitConfig
from models.metrics import MAE
from tests.unit.models.predictions import predicted_ratings


@pytest.fixture(scope="module")
def tastes_by_country(two_tastes: Dataset) -> Dataset:
    """The two-tastes data, with the taste of a user given by the country."""
    countries = pl.Series("country", [["fr", "jp"][int(user[1:]) // 7 % 2] for user in two_tastes.users.ids])
    return replace(two_tastes, users=Entities(two_tastes.users.table.with_columns(countries)))


def test_wide_part_is_linear_in_the_crosses(tastes_by_country: Dataset) -> None:
    users, items = (
        Side(entities, source.fields, np.arange(len(entities)))
        for entities, source in (
            (tastes_by_country.users, tastes_by_country.schema.users),
            (tastes_by_country.items, tastes_by_country.schema.items),
        )
    )
    torch.manual_seed(0)
    network = WideAndDeepNetwork(users, items, 3.0)
    rows = torch.tensor([0, 1, 2])
    before = network(users, items, rows, rows)
    with torch.no_grad():
        network.crosses[:] = torch.arange(12.0).reshape(network.crosses.shape)
    # Columns are 1, of a single category the unknown value, and the categories: of the users fr and jp, of the items
    # comedy and horror, or several.
    added = (network(users, items, rows, rows) - before).detach()
    fr_horror, fr_comedy = 0 + 2 + 6 + 8, 0 + 1 + 6 + 7
    assert network.crosses.shape == (4, 3)
    assert added.tolist() == pytest.approx([fr_horror, fr_comedy, fr_horror])


def test_trained_network_predicts_tastes_from_attributes(
    tastes_by_country: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide_and_deep, "_EPOCHS", 20)
    monkeypatch.setattr(wide_and_deep, "_BATCH_RATINGS", 64)
    split = Split.of(tastes_by_country, SplitConfig())
    batch = EpisodeBatch.of(evaluation_episodes(tastes_by_country, split, State.USER_COLD, query_size=5))

    def error(baseline: type[WideAndDeep | GlobalMean]) -> float:
        predictions = baseline.fit(tastes_by_country, split.training).predict(batch)
        return float(MAE.per_user(predicted_ratings(predictions), batch.query_ratings, batch.query_mask).mean())

    assert error(WideAndDeep) < 0.5 * error(GlobalMean)
