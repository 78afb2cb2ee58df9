"""Trained models as they are before they are written."""

from dataclasses import replace
from typing import Any

import torch

from models.artifact import ModelParts, TrainedModel
from models.learners.base import LearnerParts
from models.learners.closed_form import ClosedFormConfig
from models.learners.heads.ordinal import OrdinalConfig


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


def with_closed_form(model: TrainedModel) -> TrainedModel:
    """The model with the closed-form learner, which is not trained. It adapts items to their ratings."""
    preset = model.manifest.preset.model_copy(update={"learner": ClosedFormConfig(), "head": OrdinalConfig()})
    scale, encoders = model.schema.rating_scale, (model.manifest.user_encoder, model.manifest.item_encoder)
    torch.manual_seed(0)
    parts = LearnerParts(*encoders, preset.inputs, preset.head.build(scale), scale, model.manifest.data.mean_rating)
    learner = preset.learner.build(parts).requires_grad_(False).eval()
    return replace(model, manifest=model.manifest.model_copy(update={"preset": preset}), learner=learner)
