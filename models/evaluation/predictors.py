"""Learners and baselines as predictors of one kind, and every measure of what they predict."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines import Baseline
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.schema import RatingScale
from models.learners.episode_predictions import EncodedData, predict_episodes
from models.learners.heads.base import Predictions
from models.metrics.mae import mae
from models.metrics.mse import mse
from models.metrics.ndcg import Gain, ndcg
from models.metrics.nll import nll

_NDCG_LENGTHS = (1, 3, 10)


@dataclass(frozen=True)
class Decoded:
    """Predictions as arrays, each float32 [B, Q], on the rating scale but for the score.

    Attributes:
        mean: The expected rating, by which the squared error is measured.
        median: By which the absolute error is measured.
        score: By which items are ranked.
        probabilities: float32 [B, Q, K], of the K rating levels; None where a predictor has none.
        likelihood: Probability of the true rating, or None likewise.
    """

    mean: NDArray[np.float32]
    median: NDArray[np.float32]
    score: NDArray[np.float32]
    probabilities: NDArray[np.float32] | None = None
    likelihood: NDArray[np.float32] | None = None


Predict = Callable[[EpisodeBatch], Decoded]


def by_learner(model: TrainedModel, dataset: Dataset, *, steps: int | None = None) -> Predict:
    """A trained learner, with `steps` local steps if given; 0 for no adaptation."""
    data = encoded_for(model, dataset)

    def predict(batch: EpisodeBatch) -> Decoded:
        with torch.no_grad():
            predictions = predict_episodes(model.learner, data, batch, steps=steps)
        return _decode(predictions, batch, model.schema.rating_scale)

    return predict


def encoded_for(model: TrainedModel, dataset: Dataset) -> EncodedData:
    """A data set's users and items as a trained model takes them."""
    return EncodedData(
        users=model.manifest.user_encoder.encode(dataset.users.table).to(model.device),
        items=model.manifest.item_encoder.encode(dataset.items.table).to(model.device),
        device=model.device,
    )


def by_baseline(baseline: Baseline, scale: RatingScale, *, rounded: bool = False) -> Predict:
    """A fitted baseline, whose best guess at a rating is its prediction, or the rating next to it."""

    def predict(batch: EpisodeBatch) -> Decoded:
        predictions = baseline.predict(batch)
        clipped = np.clip(predictions, scale.minimum, scale.maximum)
        return Decoded(mean=clipped, median=scale.nearest(clipped) if rounded else clipped, score=predictions)

    return predict


def measure_users(batch: EpisodeBatch, predictions: Decoded) -> dict[str, NDArray[np.float64]]:
    """Every measure of every user, each float64 [B]; the RMSE's are squared until the users are averaged."""
    ratings, mask = batch.query_ratings, batch.query_mask
    values = {
        "mae": mae(ratings, predictions.median, mask),
        "mae_of_mean": mae(ratings, predictions.mean, mask),
        "rmse": mse(ratings, predictions.mean, mask),
    }
    for gain in Gain:
        for k in _NDCG_LENGTHS:
            values[f"ndcg@{k}_{gain}"] = ndcg(ratings, predictions.score, mask, k=k, gain=gain)
    if predictions.likelihood is not None:
        values["nll"] = nll(predictions.likelihood, mask)
    return values


def _decode(predictions: Predictions, batch: EpisodeBatch, scale: RatingScale) -> Decoded:
    probabilities = likelihood = None
    if predictions.probabilities is not None:
        probabilities = predictions.probabilities.cpu().numpy()
        levels = scale.levels_of(batch.query_ratings)
        likelihood = np.take_along_axis(probabilities, levels[..., None], axis=-1)[..., 0]
    return Decoded(
        mean=predictions.mean.cpu().numpy(),
        median=predictions.median.cpu().numpy(),
        score=predictions.score.cpu().numpy(),
        probabilities=probabilities,
        likelihood=likelihood,
    )
