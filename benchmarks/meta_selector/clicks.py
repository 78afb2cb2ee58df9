"""Measures of predicted likes and interactions over all samples together, as models of clicks are measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.metrics.bootstrap import interval_95

_SMALLEST = 1e-7  # probabilities are cut off here, so that the log loss is finite
_RESAMPLES = 1000

Interval = tuple[float, float]


@dataclass(frozen=True)
class Samples:
    """What was predicted, and what happened.

    Attributes:
        users: int64 [samples], the user of each.
        happened: bool [samples].
        predicted: By predictor, float64 [samples], the probability that it happens.
    """

    users: NDArray[np.int64]
    happened: NDArray[np.bool_]
    predicted: Mapping[str, NDArray[np.float64]]

    def losses(self, predictor: str) -> NDArray[np.float64]:
        """The log loss of each sample, in nats; float64 [samples]."""
        probability = self.predicted[predictor].clip(_SMALLEST, 1 - _SMALLEST)
        return -np.log(np.where(self.happened, probability, 1 - probability))

    def with_bounds(self, members: Sequence[str]) -> "Samples":
        """The same with what nobody can know beforehand: the best member of each sample, and of each user."""
        losses = np.stack([self.losses(name) for name in members])
        predicted = np.stack([self.predicted[name] for name in members])
        of_user = np.stack([np.bincount(self.users, weights=own) for own in losses])[:, self.users]
        bounds = {
            f"bound: best member of each {what}": np.take_along_axis(predicted, own.argmin(axis=0)[None], axis=0)[0]
            for what, own in (("sample", losses), ("user", of_user))
        }
        return Samples(self.users, self.happened, {**self.predicted, **bounds})


@dataclass(frozen=True)
class ClickFigures:
    """How good one predictor is.

    Attributes:
        auc: The area under the ROC curve over all samples.
        log_loss: The mean log loss of a sample, in nats.
        relative: RelaImpr, `(AUC − 0.5)/(AUC_best − 0.5) − 1`, over the member with the highest AUC.
        relative_interval: Its paired bootstrap 95 % interval over users.
        loss_difference: The log loss less that of the member with the lowest one.
        loss_interval: Its paired bootstrap 95 % interval over users.
    """

    auc: float
    log_loss: float
    relative: float
    relative_interval: Interval
    loss_difference: float
    loss_interval: Interval


def click_figures(samples: Samples, members: Sequence[str]) -> dict[str, ClickFigures]:
    """The figures of every predictor; members are the single models."""
    users, places = np.unique(samples.users, return_inverse=True)
    draws = np.random.default_rng(0).multinomial(len(users), np.full(len(users), 1 / len(users)), size=_RESAMPLES)
    weights = np.concatenate([np.ones((1, len(users))), draws])[:, places]  # first the users as they are
    aucs = {name: aucs_of(predicted, samples.happened, weights) for name, predicted in samples.predicted.items()}
    losses = {name: weights @ samples.losses(name) / weights.sum(axis=1) for name in samples.predicted}
    best = aucs[max(members, key=lambda name: aucs[name][0])]
    lowest = losses[min(members, key=lambda name: losses[name][0])]
    found = {}
    for name in samples.predicted:
        relative, difference = (aucs[name] - 0.5) / (best - 0.5) - 1, losses[name] - lowest
        low, high = interval_95(np.stack([relative[1:], difference[1:]], axis=1))
        found[name] = ClickFigures(
            auc=float(aucs[name][0]),
            log_loss=float(losses[name][0]),
            relative=float(relative[0]),
            relative_interval=(float(low[0]), float(high[0])),
            loss_difference=float(difference[0]),
            loss_interval=(float(low[1]), float(high[1])),
        )
    return found


def aucs_of(
    scores: NDArray[np.float64], happened: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The area under the ROC curve for each row of weights (float64 [rows, samples]); ties count one half."""
    _, groups = np.unique(scores, return_inverse=True)
    count = int(groups.max()) + 1
    areas = np.empty(len(weights))
    for row, own in enumerate(weights):
        positive = np.bincount(groups, weights=own * happened, minlength=count)
        negative = np.bincount(groups, weights=own * ~happened, minlength=count)
        pairs = positive.sum() * negative.sum()
        areas[row] = positive @ (negative.cumsum() - negative / 2) / pairs
    return areas
