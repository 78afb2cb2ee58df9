"""Fitting what a learner has to know of answers, by simulated answers of training users."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.elicitation.subject import AnswerArrays, AnsweredSubject, Subject
from models.elicitation.values import ValueIndex
from models.learners.base import AnyLearner, Support
from models.learners.episode_predictions import EncodedData

_MOST_USERS = 128
"""Most users whose answers are simulated. A few numbers are fitted, so more users would only take more time."""

_MOST_ANSWERS = 6
"""Most simulated answers of a user, about as many as there are questions on a first screen."""

_BEST_KNOWN = 12
"""The values that are asked about are drawn from as many with the most ratings. Rare values, such as actors of a few
films, are seldom asked about, and their answers err in other ways: users have rated the best known films of an actor,
but more than the best known films of a genre."""

_MOST_QUERY = 20
"""Most ratings of a user that are predicted. It bounds the time."""

_LEAST_RATINGS = 6
"""A user with fewer ratings can hardly answer anything."""

_STEPS = 10
"""Most steps of the optimiser, which then has long converged."""


class _Simulation:
    """Users whose support sets are simulated answers. Items are seen as in serving, from the ratings of all users."""

    def __init__(
        self,
        learner: AnyLearner,
        data: EncodedData,
        episodes: Sequence[Episode],
        answers: Sequence[Sequence[AnsweredSubject]],
    ) -> None:
        batch, arrays = EpisodeBatch.of(episodes), AnswerArrays.of(answers)
        rows = np.concatenate([arrays.rows.ravel(), batch.query_items.ravel()])
        distinct, inverse = np.unique(rows, return_inverse=True)
        items = learner.embed_items(data.items.take(data.tensor(distinct)))
        of_answers, of_query = inverse[: arrays.rows.size], inverse[arrays.rows.size :]
        nothing = torch.zeros(len(answers), 0, device=data.device)
        self._learner = learner
        self._query = items.take(data.tensor(of_query.reshape(batch.query_items.shape)))
        self._ratings, self._mask = data.tensor(batch.query_ratings), data.tensor(batch.query_mask)
        self._support = Support(
            users=learner.embed_users(data.users.take(data.tensor(batch.users))),
            items=items.take(nothing.long()),
            ratings=nothing,
            mask=nothing.bool(),
            answers=arrays.embedded(items.take(data.tensor(of_answers.reshape(arrays.rows.shape))), data.tensor),
        )

    def loss(self) -> Tensor:
        """The sum of the query losses; a scalar."""
        adapted = self._learner.adapt(self._support)
        losses = self._learner.loss(adapted, self._support.users, self._query, self._ratings)
        return (losses * self._mask).sum()


def fit_answers(
    learner: AnyLearner, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_], *, seed: int
) -> None:
    """Fit the learner's `answer_parameters`: adapted to simulated answers, it is to predict other ratings well.

    Half of the ratings of some training users answer questions about attribute values and about pairs of their items.
    The other half is predicted. Nothing else is trained, so predictions without answers stay as they are.
    A prior N(initial value, 1) keeps parameters of which the data say nothing.

    Args:
        learner: The trained learner, in evaluation mode.
        data: The data set's users and items, encoded.
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.
        seed: Draws the users, their ratings and the questions.
    """
    parameters = learner.answer_parameters()
    if not parameters:
        return
    with torch.no_grad():
        simulations = list(_simulations(learner, data, dataset, training & dataset.ratings.rated, seed))
    if not simulations:
        return
    optimizer = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    initial = [parameter.detach().clone() for parameter in parameters]

    def loss() -> Tensor:
        total = torch.stack([simulation.loss() for simulation in simulations]).sum()
        for parameter, value in zip(parameters, initial, strict=True):
            total = total + (parameter - value).square().sum() / 2
        for parameter, gradient in zip(parameters, torch.autograd.grad(total, parameters), strict=True):
            parameter.grad = gradient
        return total.detach()

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch does not annotate it
    optimizer.zero_grad()


def _simulations(
    learner: AnyLearner, data: EncodedData, dataset: Dataset, usable: NDArray[np.bool_], seed: int
) -> Iterator[_Simulation]:
    """The simulated users, once with answers about attribute values and once with answers about pairs."""
    generator, scale = np.random.default_rng(seed), dataset.schema.rating_scale
    assert scale is not None  # noqa: S101 - a learner predicts ratings
    rows = np.flatnonzero(usable)
    users = dataset.ratings.users[rows]
    counts = np.bincount(dataset.ratings.items[rows], minlength=len(dataset.items))
    # Of the other items, which may be new in an evaluation, nothing is to be known.
    known = np.flatnonzero(counts)
    places = np.cumsum(counts > 0) - 1
    index = ValueIndex(dataset.schema.items, dataset.items.table[known], counts[known])
    subjects = [replace(subject, rows=known[subject.rows]) for subject in index.subjects()]
    popularity = [int(counts[subject.rows].sum()) for subject in subjects]
    enough = np.flatnonzero(np.bincount(users, minlength=len(dataset.users)) >= _LEAST_RATINGS)
    drawn = generator.permutation(enough)[:_MOST_USERS]
    episodes: dict[str, list[tuple[Episode, list[AnsweredSubject]]]] = {"values": [], "pairs": []}
    for user in drawn:
        own = generator.permutation(rows[users == user])
        support, query = np.split(own, [len(own) // 2])
        episode = Episode.of(
            dataset.ratings, state=State.WARM, user=int(user), support=support, query=query[:_MOST_QUERY]
        )
        values = index.answers(places[episode.support_items], episode.support_ratings, scale)
        best_known = sorted(values, key=popularity.__getitem__, reverse=True)[:_BEST_KNOWN]
        asked = generator.permutation(best_known)[:_MOST_ANSWERS].tolist()
        episodes["values"].append((episode, [AnsweredSubject(subjects[place], values[place]) for place in asked]))
        episodes["pairs"].append((episode, _preferences(episode)))
    for found in episodes.values():
        answering = [(episode, answers) for episode, answers in found if answers]
        if answering:
            yield _Simulation(learner, data, *zip(*answering, strict=True))


def _preferences(episode: Episode) -> list[AnsweredSubject]:
    """Answers about pairs of support items with different ratings, each item in one pair."""
    pairs = zip(
        zip(episode.support_items[::2].tolist(), episode.support_ratings[::2].tolist(), strict=True),
        zip(episode.support_items[1::2].tolist(), episode.support_ratings[1::2].tolist(), strict=True),
        strict=False,
    )
    return [
        AnsweredSubject(Subject.pair(*((first, second) if rating > other else (second, first))))
        for (first, rating), (second, other) in pairs
        if rating != other
    ][:_MOST_ANSWERS]
