"""The curves of an evaluation of the two-tastes model."""

from dataclasses import replace

import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.evaluation import EvaluationConfig, EvaluationReport, evaluate
from models.evaluation.curves import support_episodes
from tests.unit.models.tiny_data import tiny_episode

LIKED, DISLIKED = [(1, 5.0), (3, 5.0), (5, 5.0)], [(2, 1.0), (4, 1.0), (6, 1.0)]
EPISODES = [
    tiny_episode(user=user, support=[*LIKED, *DISLIKED], query=[(7, 5.0), (8, 1.0)], state=State.USER_COLD)
    for user in (1, 3, 5)
]
CONFIG = EvaluationConfig(bootstrap_resamples=100, baselines=("global mean", "item neighbours"))


@pytest.fixture(scope="module")
def report(model: TrainedModel, two_tastes: Dataset) -> EvaluationReport:
    return evaluate(model, two_tastes, CONFIG, episodes=EPISODES)[0]


def test_support_curve_points_equal_evaluations_with_shortened_support(
    report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
) -> None:
    curve = report.states[1].by_support
    assert curve is not None
    assert curve.points == (0, 1, 2, 3, 5)
    assert curve.users == 3
    assert [predictor.name for predictor in curve.predictors] == [
        "tiny, 2 steps", "tiny, 0 steps", "global mean", "item neighbours",
    ]  # fmt: skip
    for place, size in enumerate(curve.points):
        shortened = [
            replace(episode, support_items=episode.support_items[:size], support_ratings=episode.support_ratings[:size])
            for episode in EPISODES
        ]
        other, _ = evaluate(model, two_tastes, CONFIG, episodes=shortened)
        for predictor, expected in zip(curve.predictors, other.states[1].predictors, strict=True):
            assert predictor.mae[place].value == pytest.approx(expected.measures["mae"].value, rel=1e-5)


def test_step_curve_points_equal_evaluations_with_these_steps(
    report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
) -> None:
    curve = report.states[1].by_steps
    assert curve is not None
    assert curve.points == (0, 1, 2, 3, 5, 10)
    (predictor,) = curve.predictors
    assert predictor.name == "tiny"
    for place, steps in enumerate(curve.points[1:], start=1):
        other, _ = evaluate(model, two_tastes, CONFIG.model_copy(update={"steps": steps}), episodes=EPISODES)
        assert predictor.mae[place].value == pytest.approx(
            other.states[1].predictors[0].measures["mae"].value, rel=1e-5
        )
    assert predictor.mae[0].value == pytest.approx(report.states[1].predictors[1].measures["mae"].value, rel=1e-5)


def test_support_episodes_largest_size_is_reached_by_half_of_the_users() -> None:
    episodes = [tiny_episode(support=[(1, 5.0)] * size, query=[(2, 1.0)]) for size in (0, 1, 4, 10)]
    sizes, long_enough = support_episodes(episodes)
    assert sizes == (0, 1, 2, 3)
    assert [len(episode.support_items) for episode in long_enough] == [4, 10]


def test_state_without_users_has_no_curves_and_details(report: EvaluationReport) -> None:
    assert (report.states[0].by_support, report.states[0].user_errors, report.states[0].calibration) == (None,) * 3


def test_episodes_digest_differs_for_other_episodes(
    report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
) -> None:
    same, _ = evaluate(model, two_tastes, CONFIG.model_copy(update={"steps": 5}), episodes=EPISODES)
    fewer, _ = evaluate(model, two_tastes, CONFIG, episodes=EPISODES[:2])
    assert same.states[1].episodes_digest == report.states[1].episodes_digest != fewer.states[1].episodes_digest
