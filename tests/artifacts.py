"""Trained models as they are before they are written."""

from typing import Any

from models.artifact import ModelParts, TrainedModel


def parts_of(model: TrainedModel, **changes: Any) -> ModelParts:  # noqa: ANN401 - any part of it
    """A loaded model, to be written again; some parts may be others."""
    parts = {
        "manifest": model.manifest,
        "weights": model.learner.state_dict(),
        "choice": model.choice.state_dict(),
        "items": model.items,
        "statistics": model.statistics,
        "exposure": model.exposure,
    }
    return ModelParts(**{**parts, **changes})
