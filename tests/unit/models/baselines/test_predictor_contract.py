"""What every report relies on, whoever predicts: the learner and each of the baselines."""

import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines import BASELINES, Baseline
from models.baselines.gaussian_process import GaussianProcess
from models.baselines.item_neighbours import ItemNeighbours
from models.baselines.matrix_factorisation import MatrixFactorisation
from models.baselines.pairwise_preference_regression import PairwisePreferenceRegression
from models.baselines.wide_and_deep import WideAndDeep
from models.data.dataset import Dataset
from models.data.episodes import Episode, EpisodeBatch
from models.data.splits import Split
from models.learners.episode_predictions import EncodedData, predict_episodes
from tests.unit.models.tiny_data import tiny_episode

Predict = Callable[[EpisodeBatch], NDArray[np.float32]]

PURE_BASELINES = [
    *BASELINES,
    ItemNeighbours,
    MatrixFactorisation,
    GaussianProcess,
    PairwisePreferenceRegression,
    WideAndDeep,
]
"""Those that need nothing beyond what the product needs."""


@pytest.fixture(
    scope="module",
    params=["learner", *PURE_BASELINES, "boosted trees"],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def predict(request: pytest.FixtureRequest, model: TrainedModel, two_tastes: Dataset) -> Predict:
    if request.param == "learner":
        return learner_of(model, two_tastes)
    baseline: type[Baseline] = boosted_trees() if request.param == "boosted trees" else request.param
    return baseline.fit(two_tastes, Split.of(two_tastes, model.manifest.split).training).predict


def boosted_trees() -> type[Baseline]:
    pytest.importorskip("lightgbm", reason="LightGBM is only installed for the benchmarks")
    return importlib.import_module("models.baselines.boosted_trees").BoostedTrees


def learner_of(model: TrainedModel, dataset: Dataset) -> Predict:
    data = EncodedData(
        users=model.manifest.user_encoder.encode(dataset.users.table),
        items=model.manifest.item_encoder.encode(dataset.items.table),
        device=model.device,
    )

    def predict(batch: EpisodeBatch) -> NDArray[np.float32]:
        with torch.no_grad():
            return predict_episodes(model.learner, data, batch).score.numpy()

    return predict


EPISODES = [
    tiny_episode(user=0, support=[(0, 1.0), (1, 5.0), (2, 1.0)], query=[(3, 5.0)]),
    tiny_episode(user=5, support=[], query=[(4, 1.0), (5, 4.0), (6, 2.0), (39, 3.0)]),
    tiny_episode(user=9, support=[(7, 5.0)], query=[(8, 1.0), (9, 5.0)]),
]


def of_one(predict: Predict, episode: Episode) -> NDArray[np.float32]:
    return predict(EpisodeBatch.of([episode]))[0]


def test_predictions_are_finite_and_have_the_querys_shape(predict: Predict) -> None:
    predictions = predict(EpisodeBatch.of(EPISODES))
    assert predictions.dtype == np.float32
    assert predictions.shape == (3, 4)
    assert np.isfinite(predictions).all()


def test_batch_predicts_what_its_episodes_alone_would(predict: Predict) -> None:
    together = predict(EpisodeBatch.of(EPISODES))
    for row, episode in enumerate(EPISODES):
        np.testing.assert_allclose(together[row, : len(episode.query_items)], of_one(predict, episode), rtol=1e-5)


def test_no_support_anywhere_is_allowed(predict: Predict) -> None:
    batch = EpisodeBatch.of([tiny_episode(support=[], query=[(0, 1.0), (1, 1.0)])] * 2)
    assert np.isfinite(predict(batch)).all()


def test_items_without_training_ratings_are_predicted(
    predict: Predict, model: TrainedModel, two_tastes: Dataset
) -> None:
    trained = np.unique(two_tastes.ratings.items[Split.of(two_tastes, model.manifest.split).training])
    [new, other] = np.setdiff1d(np.arange(len(two_tastes.items)), trained)[:2]
    episode = tiny_episode(support=[(int(new), 5.0)], query=[(int(other), 5.0), (int(new), 5.0)])
    predictions = of_one(predict, episode)
    assert np.isfinite(predictions).all()
    assert (predictions > 0).all()


def test_order_of_the_query_does_not_matter(predict: Predict) -> None:
    episode = EPISODES[1]
    query = list(zip(episode.query_items.tolist(), episode.query_ratings.tolist(), strict=True))
    backwards = tiny_episode(user=episode.user, support=[], query=query[::-1])
    np.testing.assert_allclose(of_one(predict, backwards)[::-1], of_one(predict, episode), rtol=1e-5)


def test_query_ratings_are_not_looked_at(predict: Predict) -> None:
    episode = EPISODES[2]
    secret = tiny_episode(user=episode.user, support=[(7, 5.0)], query=[(8, 5.0), (9, 1.0)])
    np.testing.assert_array_equal(of_one(predict, secret), of_one(predict, episode))
