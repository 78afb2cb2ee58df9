"""Objectives of the outer update, one module each with its config; all are found by looking through the modules."""

from typing import TYPE_CHECKING

import models.training.objectives as package
from models.learners.registry import configs_in, union_of
from models.training.objectives.base import ObjectiveConfig
from models.training.objectives.query_loss import QueryLossConfig

if TYPE_CHECKING:
    AnyObjectiveConfig = ObjectiveConfig
else:
    AnyObjectiveConfig = union_of(configs_in(package, ObjectiveConfig))

__all__ = ["AnyObjectiveConfig", "ObjectiveConfig", "QueryLossConfig"]
