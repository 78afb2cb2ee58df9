"""The two-tastes data on another scale."""

from dataclasses import replace

import numpy as np

from models.data.dataset import Dataset
from models.data.rating_scale import RatingScale
from models.inputs.config import InputConfig
from models.learners.closed_form import ClosedFormConfig
from models.learners.heads.ordinal import OrdinalConfig
from models.training.preset import Preset, TrainingConfig
from tests.choice import SMALL_CHOICE

FINE_PRESET = Preset(
    name="fine",
    inputs=InputConfig(embedding_dim=4, embedding_scale=1.0),
    learner=ClosedFormConfig(hidden=(16,), input_scale=0.5),
    head=OrdinalConfig(),
    choice=SMALL_CHOICE,
    training=TrainingConfig(epochs=8, patience=8, batch_users=8, learning_rate=1e-2, max_query=10),
)
"""The default's learner and head, small."""


def on_scale(dataset: Dataset, scale: RatingScale) -> Dataset:
    """Ratings from 1 to 5, mapped from end to end of a scale, with noise."""
    noise = np.random.default_rng(0).normal(0.0, 0.1, len(dataset.ratings.values))
    places = (dataset.ratings.values - 1) / 4 + noise
    values = scale.minimum + places * (scale.maximum - scale.minimum)
    return replace(
        dataset,
        schema=dataset.schema.model_copy(update={"rating_scale": scale}),
        ratings=replace(dataset.ratings, values=scale.nearest(values).astype(np.float32)),
    )
