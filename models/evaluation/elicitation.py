"""Candidate strategies compared by the error after their questions and by the number of answers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.episodes import Episode
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.fixed import FixedQuestions
from models.elicitation.strategy import Strategy
from models.evaluation.batch_runner import Apply, BatchRunner
from models.evaluation.config import EvaluationConfig
from models.evaluation.curves import evenly_spaced
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import Elicitation, StrategyCurve
from models.evaluation.predictors import BATCH_USERS, AbsoluteErrors, Predict
from models.ranking import Recommender

QUESTIONS = (0, 5, 10, 20)
"""Numbers of questions of a curve. They belong to the evaluation protocol."""

_MAX_USERS = 200
"""Most users who are asked. It bounds the time: the sequential strategy ranks all items twenty times for each user."""


def asked_episodes(episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes of the users who are asked, evenly spaced over the list."""
    return evenly_spaced(episodes, _MAX_USERS)


def compare_strategies(
    model: TrainedModel,
    dataset: Dataset,
    episodes: Sequence[Episode],
    predict: Predict,
    config: EvaluationConfig,
    runner: BatchRunner,
) -> Elicitation:
    """Ask each user the questions of each strategy.

    A question about an item in the user's support set is answered; any other question is skipped.

    Args:
        model: The model that chooses the candidates.
        dataset: The data set of the episodes.
        episodes: The episodes from `asked_episodes`, one at least.
        predict: The predictor of the model, which adapts to the answers.
        config: Seed and resamples of the bootstrap.
        runner: Runs the predictor; told after every strategy how many users it asked.
    """
    recommender = Recommender(model, dataset.items)
    curves = []
    for strategy in Strategy:
        items = _asked(recommender, strategy, episodes, config.seed)
        curves.append(_curve(strategy, items, episodes, predict, config, runner.apply))
        runner.batch_done(len(episodes))
    return Elicitation(
        state=episodes[0].state.label, questions=QUESTIONS, users=len(episodes), strategies=tuple(curves)
    )


def _asked(recommender: Recommender, strategy: Strategy, episodes: Sequence[Episode], seed: int) -> NDArray[np.int64]:
    """The items that each user is asked about, in order; int64 [users, questions], rows of the item table."""
    questions = recommender.questions(strategy).with_seed(seed)
    if isinstance(questions, FixedQuestions):
        everything = np.ones((1, len(recommender.items)), dtype=np.bool_)
        chosen, _ = questions.choose(Asked.nothing(1), everything, QUESTIONS[-1])
        return np.repeat(chosen, len(episodes), axis=0)
    parts = range(0, len(episodes), BATCH_USERS)
    return np.concatenate(
        [_asked_in_turn(questions, episodes[start : start + BATCH_USERS], len(recommender.items)) for start in parts]
    )


def _asked_in_turn(questions: QuestionStrategy, episodes: Sequence[Episode], items: int) -> NDArray[np.int64]:
    known = np.zeros((len(episodes), items), dtype=np.bool_)
    for row, episode in enumerate(episodes):
        known[row, episode.support_items] = True
    asked = np.empty((len(episodes), 0), dtype=np.int64)
    for _ in range(min(QUESTIONS[-1], items)):
        so_far = Asked(asked, np.take_along_axis(known, asked, axis=1), np.ones(asked.shape, dtype=np.bool_))
        question, _ = questions.choose(so_far, np.ones_like(known), 1)
        asked = np.concatenate([asked, question], axis=1)
    return asked


def _curve(
    strategy: Strategy,
    items: NDArray[np.int64],
    episodes: Sequence[Episode],
    predict: Predict,
    config: EvaluationConfig,
    apply: Apply,
) -> StrategyCurve:
    errors = np.empty((len(episodes), len(QUESTIONS)))
    answers = np.empty_like(errors)
    runs = []
    for column, count in enumerate(QUESTIONS):
        answered = [_answering(episode, asked[:count]) for episode, asked in zip(episodes, items, strict=True)]
        answers[:, column] = [len(episode.support_items) for episode in answered]
        runs.append(BatchRunner(apply).run(AbsoluteErrors(predict), answered))
    for column, run in enumerate(runs):
        for positions, _, values in run:
            errors[positions, column] = values
    return StrategyCurve(
        name=strategy,
        mae=estimate_means(errors, resamples=config.bootstrap_resamples, seed=config.seed),
        answers=estimate_means(answers, resamples=config.bootstrap_resamples, seed=config.seed),
    )


def _answering(episode: Episode, items: NDArray[np.int64]) -> Episode:
    """The episode, with only the support ratings of these items."""
    return episode.with_support(np.isin(episode.support_items, items))
