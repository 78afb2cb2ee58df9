"""Choosing a set of questions by outcome: which answers make the predictions for training users best."""

import math

import numpy as np
from numpy.typing import NDArray

from models.choice.model import ChoiceModel
from models.data.dataset import Dataset
from models.elicitation.query_losses import QueryLosses
from models.elicitation.training_answers import TrainingAnswers
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData

_QUESTIONS = 40
"""How many items are chosen: four screens of ten."""

_MOST_OF_SHORTLIST = 1 / 3
"""The most of the shortlist that is chosen: in a small catalogue, forty items would be no choice."""

_SHORTLIST = 150
"""Among how many items they are chosen: those with the most ratings. It bounds the time."""

_USERS = 1500
"""How many training users are asked at most. It bounds the time."""

_PEOPLE_AT_ONCE = 256
"""Users who are adapted at once, which bounds the memory."""


def outcome_values(
    learner: AnyLearner | None,
    choice: ChoiceModel,
    data: EncodedData,
    dataset: Dataset,
    training: NDArray[np.bool_],
    *,
    seed: int,
) -> NDArray[np.float64]:
    """Choose items greedily, each after whose answers training users are predicted best, given the earlier ones.

    A random half of a user's ratings can be asked for, and a question about any other item gets no answer. So an item
    counts by how many can answer as well as by what an answer tells. The loss is the mean over users of the
    loss of the query ratings and of −ln P(choose) of the liked query items, each as a share of the same loss without
    any answer (Golbandi, Koren & Lempel, WSDM 2011, choose by the error of ratings in this way). Any learner
    adapts, so no formula of one is needed.

    The gain of an item hardly ever grows with the set, so a gain of an earlier round bounds it from above, and few
    items are measured again in a round (lazy greedy, Minoux 1978).

    Args:
        learner: The trained learner; None for a model that predicts no ratings.
        choice: The trained choice model.
        data: The data set's users and items, encoded.
        dataset: The data set.
        training: bool [ratings], the ratings and interactions that may be used.
        seed: Draws the users and the halves.

    Returns:
        float64 [items], in [0, 1]: from 1 for the first item of the set falling to just above 0 for the last; 0 for the
        others.
    """
    ratings = dataset.ratings
    counts = np.bincount(ratings.items[training & ratings.chosen], minlength=len(dataset.items))
    values = np.zeros(len(counts))
    shortlist = np.argsort(-counts, kind="stable")[:_SHORTLIST]
    shortlist = shortlist[counts[shortlist] > 0]
    if not len(shortlist):
        return values
    people = TrainingAnswers.of(dataset, training, shortlist, most_users=_USERS, seed=seed)
    if not len(people.users):
        return values
    questions = min(_QUESTIONS, math.ceil(_MOST_OF_SHORTLIST * len(shortlist)))
    chosen = greedy_set(people, QueryLosses.of(learner, choice, data, counts), questions)
    values[shortlist[chosen]] = 1 - np.arange(len(chosen)) / max(len(chosen), 1)
    return values


def greedy_set(people: TrainingAnswers, losses: QueryLosses, n: int) -> list[int]:
    """The first n items chosen, as places in the shortlist; fewer if the shortlist is shorter."""
    everybody = np.arange(len(people.users))
    nothing: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    unasked = _losses(people, losses, everybody, nothing)
    scale = np.maximum(unasked.mean(axis=0), np.finfo(np.float64).tiny)
    current = (unasked / scale).sum(axis=1)
    chosen: list[int] = []
    gains = np.full(len(people.shortlist), np.inf)
    outcomes: dict[int, NDArray[np.float64]] = {}
    while len(chosen) < min(n, len(gains)):
        best = int(gains.argmax())
        answering = np.flatnonzero(people.answerable[:, best])
        if best in outcomes:
            current[answering] = outcomes[best]
            chosen.append(best)
            gains[best] = -np.inf
            outcomes.clear()
            continue
        # An answer changes nothing for those who cannot give it.
        asked = np.array([*chosen, best])
        outcomes[best] = (_losses(people, losses, answering, asked) / scale).sum(axis=1)
        gains[best] = (current[answering] - outcomes[best]).sum()
    return chosen


def _losses(
    people: TrainingAnswers, losses: QueryLosses, who: NDArray[np.int64], questions: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The losses of ratings and of choices of some people after some questions; float64 [people, 2]."""
    parts = [np.zeros((0, 2))]
    for start in range(0, len(who), _PEOPLE_AT_ONCE):
        some = who[start : start + _PEOPLE_AT_ONCE]
        batch = people.after(some, questions)
        of_choices = losses.of_choices(batch, people.query_liked[some], people.shortlist, people.answerable[some])
        parts.append(np.stack([losses.of_ratings(batch), of_choices], axis=1))
    return np.concatenate(parts)
