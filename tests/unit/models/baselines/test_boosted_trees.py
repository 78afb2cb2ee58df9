import importlib

import pytest

from models.baselines import Baseline
from models.baselines.global_mean import GlobalMean
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch
from models.data.evaluation_episodes import evaluation_episodes
from models.data.splits import Split, SplitConfig
from models.metrics import MAE
from tests.unit.models.predictions import predicted_ratings

pytest.importorskip("lightgbm", reason="LightGBM is only installed for the benchmarks")
BoostedTrees: type[Baseline] = importlib.import_module("models.baselines.boosted_trees").BoostedTrees


@pytest.mark.parametrize("state", [State.USER_COLD, State.USER_AND_ITEM_COLD])
def test_trained_trees_predict_tastes_from_the_support_set(two_tastes: Dataset, state: State) -> None:
    split = Split.of(two_tastes, SplitConfig())
    batch = EpisodeBatch.of(evaluation_episodes(two_tastes, split, state, query_size=1, min_ratings=3))

    def error(baseline: type[Baseline]) -> float:
        predictions = baseline.fit(two_tastes, split.training).predict(batch)
        return float(MAE.per_user(predicted_ratings(predictions), batch.query_ratings, batch.query_mask).mean())

    assert error(BoostedTrees) < 0.5 * error(GlobalMean)
