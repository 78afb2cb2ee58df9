"""Training, evaluation and ranking on scales of many levels and on continuous ones."""

from pathlib import Path

import numpy as np
import pytest

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.rating_scale import RatingScale
from models.evaluation import evaluate
from models.evaluation.config import EvaluationConfig
from models.evaluation.figures import EvaluationReport
from models.evaluation.predictors import by_learner
from models.learners.binned import BinnedLearner
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.self_check import require_finite_predictions
from models.train import train
from tests.fine_data import FINE_PRESET, on_scale
from tests.unit.models.tiny_data import tiny_episode

SCALES = [
    RatingScale(minimum=-10, maximum=10, step=0.01),
    RatingScale(minimum=0, maximum=3600, continuous=True),
]


@pytest.fixture(scope="module", params=SCALES, ids=str)
def dataset(request: pytest.FixtureRequest, two_tastes: Dataset) -> Dataset:
    return on_scale(two_tastes, request.param)


@pytest.fixture(scope="module")
def directory(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("fine") / "model"
    train(dataset, FINE_PRESET, output, data_path=None, research_only=True)
    return output


@pytest.fixture(scope="module")
def model(directory: Path) -> TrainedModel:
    return load_artifact(directory)


@pytest.fixture(scope="module")
def report(model: TrainedModel, dataset: Dataset) -> EvaluationReport:
    config = EvaluationConfig(
        states=("user_cold",),
        baselines=("support mean", "item mean + user bias"),
        min_ratings=5,
        bootstrap_resamples=100,
    )
    return evaluate(model, dataset, config)[0]


def test_taste_is_learned(model: TrainedModel, dataset: Dataset) -> None:
    scale = model.rating_scale
    support = [(item, scale.maximum if item % 2 else scale.minimum) for item in range(8)]
    predicted = by_learner(model, dataset)(
        EpisodeBatch.of([tiny_episode(support=support, query=[(20, 0.0), (21, 0.0)])])
    )
    horror, comedy = (predicted.median[0] - scale.minimum) / (scale.maximum - scale.minimum)
    assert horror < 0.3
    assert comedy > 0.7
    assert predicted.distribution is not None
    horror_liked, comedy_liked = predicted.distribution.at_least(scale.liked_from)[0]
    assert comedy_liked > 0.5 > horror_liked


def test_evaluation_has_errors_likelihood_and_nine_thresholds(report: EvaluationReport, dataset: Dataset) -> None:
    (state,) = report.states
    ours, _, *baselines = state.predictors
    length = dataset.schema.rating_scale.maximum - dataset.schema.rating_scale.minimum
    assert ours.measures["mae"].value < 0.2 * length
    for baseline in baselines:
        assert ours.measures["mae"].value < baseline.measures["mae"].value
    # A uniform distribution over the scale has the likelihood 1/2001 of a level, or 1/3600 as density.
    assert ours.measures["nll"].value < np.log(2001 if dataset.schema.rating_scale.step else 3600) - 0.3
    assert state.calibration is not None
    assert len(state.calibration.thresholds) == 9


def test_report_says_that_the_likelihood_is_a_density(report: EvaluationReport, dataset: Dataset) -> None:
    said = any("probability density" in note for note in report.notes)
    assert said is dataset.schema.rating_scale.continuous


def test_predictions_have_no_array_with_a_column_for_each_level(model: TrainedModel, dataset: Dataset) -> None:
    predicted = by_learner(model, dataset)(EpisodeBatch.of([tiny_episode(support=[(1, 3.0)], query=[(2, 3.0)])]))
    assert predicted.distribution is not None
    assert predicted.distribution.probabilities.shape == (1, 1, FINE_PRESET.head.bins_of(model.rating_scale))


def test_artifact_serves(model: TrainedModel) -> None:
    recommender = Recommender(model, model.items)
    require_finite_predictions(recommender)
    scale = model.rating_scale
    rated = [ItemRating(f"i{item}", scale.maximum if item % 2 else scale.minimum) for item in range(8)]
    ranked = recommender.recommend(RankingQuery(attributes={}, ratings=rated, n=5))
    assert all(int(item.item_id[1:]) % 2 for item in ranked)
    assert all(item.like_probability is not None and 0 <= item.like_probability <= 1 for item in ranked)


def test_ordinal_head_keeps_its_levels_where_they_are_few(two_tastes: Dataset, tmp_path: Path) -> None:
    few = on_scale(two_tastes, RatingScale(minimum=0, maximum=10))
    preset = FINE_PRESET.with_training(epochs=1)
    model = train(few, preset, tmp_path / "few", data_path=None, research_only=True)
    assert not isinstance(model.learner, BinnedLearner)
