"""Learners and baselines behind one interface: a function from episodes to predicted ratings."""

from collections.abc import Callable

import torch

from models.artifact import TrainedModel
from models.baselines import Baseline
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.rating_scale import RatingScale
from models.learners.episode_predictions import EncodedData, predict_episodes
from models.metrics import PredictedRatings

BATCH_USERS = 64
"""Users in a batch of an evaluation, which bounds the memory."""

Predict = Callable[[EpisodeBatch], PredictedRatings]
"""Predicts the query ratings of a batch of episodes from their support sets."""


def by_learner(model: TrainedModel, dataset: Dataset, *, steps: int | None = None) -> Predict:
    """A trained learner, with `steps` local steps if given; 0 for no adaptation.

    Raises:
        ValueError: The model has no learner.
    """
    data, scale, learner = encoded_for(model, dataset), model.rating_scale, model.learner
    if learner is None:
        raise ValueError(f"{model.version} predicts no ratings")

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
