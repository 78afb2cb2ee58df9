"""Learners and baselines behind one interface: a function from episodes to predicted ratings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines import Baseline
from models.data.dataset import Dataset
from models.data.episodes import Episode, EpisodeBatch, batches
from models.data.rating_scale import RatingScale
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData, predict_episodes
from models.metrics import MAE, PredictedRatings, measure_users

BATCH_USERS = 64
"""Users in a batch of an evaluation, which bounds the memory."""

Predict = Callable[[EpisodeBatch], PredictedRatings]
"""Predicts the query ratings of a batch of episodes from their support sets."""


def by_learner(model: TrainedModel, dataset: Dataset, *, steps: int | None = None) -> Predict:
    """A trained learner, with `steps` local steps if given; 0 for no adaptation.

    Raises:
        ValueError: The model has no learner.
    """
    if model.learner is None:
        raise ValueError(f"{model.version} predicts no ratings")
    return predictor_of(model.learner, encoded_for(model, dataset), model.rating_scale, steps=steps)


def predictor_of(learner: AnyLearner, data: EncodedData, scale: RatingScale, *, steps: int | None = None) -> Predict:
    """A learner in evaluation mode, with `steps` local steps if given; 0 for no adaptation."""

    def predict(batch: EpisodeBatch) -> PredictedRatings:
        with torch.no_grad():
            predictions = predict_episodes(learner, data, batch, steps=steps)
        return PredictedRatings.of(predictions, scale)

    return predict


def encoded_for(model: TrainedModel, dataset: Dataset) -> EncodedData:
    """A data set's users and items, encoded for a trained model."""
    return EncodedData(
        users=model.manifest.user_encoder.encode(dataset.users.table).to(model.device),
        items=model.manifest.item_encoder.encode(dataset.items.table).to(model.device),
        device=model.device,
    )


def by_baseline(baseline: Baseline, scale: RatingScale) -> Predict:
    """A fitted baseline, decoded on this rating scale."""

    def predict(batch: EpisodeBatch) -> PredictedRatings:
        return PredictedRatings.of_points(baseline.predict(batch), scale)

    return predict


@dataclass(frozen=True)
class AbsoluteErrors:
    """Each user's mean absolute error; float64 [B] of a batch."""

    predict: Predict

    def __call__(self, batch: EpisodeBatch) -> NDArray[np.float64]:
        """Predict the query ratings of a batch, and measure them."""
        return MAE.per_user(self.predict(batch), batch.query_ratings, batch.query_mask)


def measure_episodes(predict: Predict, episodes: Sequence[Episode]) -> dict[str, NDArray[np.float64]]:
    """By its name, every measure's value for each episode, in the order of the episodes; NaN where it is undefined."""
    measured: dict[str, NDArray[np.float64]] = {}
    for positions, batch in batches(episodes, BATCH_USERS):
        for measure, values in measure_users(predict(batch), batch.query_ratings, batch.query_mask).items():
            measured.setdefault(measure, np.empty(len(episodes)))[positions] = values
    return measured
