"""Candidate strategies compared on the two-tastes data."""

import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.elicitation.strategy import Strategy
from models.evaluation import EvaluationConfig, evaluate
from models.evaluation.figures import Elicitation
from models.ranking import Recommender
from tests.unit.models.tiny_data import tiny_episode

CONFIG = EvaluationConfig(bootstrap_resamples=100, baselines=())


def elicitation(model: TrainedModel, dataset: Dataset, known: list[int]) -> Elicitation:
    """The comparison of strategies on one new user, who can answer about these items."""
    support = [(item, 5.0 if item % 2 else 1.0) for item in known]
    episode = tiny_episode(user=1, support=support, query=[(7, 5.0), (8, 1.0)], state=State.USER_COLD)
    found = evaluate(model, dataset, CONFIG, episodes=[episode])[0].elicitation
    assert found is not None
    return found


def test_elicitation_compares_all_strategies_after_the_same_questions(model: TrainedModel, two_tastes: Dataset) -> None:
    found = elicitation(model, two_tastes, [1, 2])
    assert found.state == "user_cold"
    assert found.questions == (0, 5, 10, 20)
    assert [strategy.name for strategy in found.strategies] == list(Strategy)
    before = {strategy.mae[0].value for strategy in found.strategies}
    assert len(before) == 1


def test_elicitation_counts_the_answers_of_each_strategy(model: TrainedModel, two_tastes: Dataset) -> None:
    recommender = Recommender(model, two_tastes.items)
    chosen = recommender.candidates(strategy=Strategy.POPULARITY, n=20)
    rows = [recommender.items.row_of[candidate.item_id] for candidate in chosen]
    found = elicitation(model, two_tastes, [rows[0], rows[3], rows[12]])
    (popularity,) = [strategy for strategy in found.strategies if strategy.name == Strategy.POPULARITY]
    assert [count.value for count in popularity.answers] == [0, 2, 2, 3]


def test_elicitation_mae_equals_an_evaluation_with_the_answers_as_support(
    model: TrainedModel, two_tastes: Dataset
) -> None:
    found = elicitation(model, two_tastes, list(range(40)))
    assert all(strategy.answers[-1].value == 20 for strategy in found.strategies)
    recommender = Recommender(model, two_tastes.items)
    chosen = recommender.candidates(strategy=Strategy.POPULARITY, n=5)
    rows = sorted(recommender.items.row_of[candidate.item_id] for candidate in chosen)
    support = [(item, 5.0 if item % 2 else 1.0) for item in rows]
    episode = tiny_episode(user=1, support=support, query=[(7, 5.0), (8, 1.0)], state=State.USER_COLD)
    expected = evaluate(model, two_tastes, CONFIG, episodes=[episode])[0].states[1].predictors[0].measures["mae"]
    (popularity,) = [strategy for strategy in found.strategies if strategy.name == Strategy.POPULARITY]
    assert popularity.mae[1].value == pytest.approx(expected.value, rel=1e-5)


def test_elicitation_without_new_users_is_none(model: TrainedModel, two_tastes: Dataset) -> None:
    episode = tiny_episode(support=[(1, 5.0)], query=[(7, 5.0)])
    assert evaluate(model, two_tastes, CONFIG, episodes=[episode])[0].elicitation is None
