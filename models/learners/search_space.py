"""The settings of a preset that a search tries, and the values that it tries for each."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Between(BaseModel):
    """Any number from `low` to `high`, drawn on a logarithmic scale: for rates and other scales."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float


class OneOf(BaseModel):
    """One of some values: for sizes and choices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: tuple[Any, ...]


HIDDEN_WIDTHS = OneOf(values=((32, 32), (64, 64), (128, 128)))
"""Widths of hidden layers, for any learner."""

LOCAL_RATES = Between(low=1e-3, high=0.1)
"""Local learning rates, for any learner that takes gradient steps."""

SearchSpace = Mapping[str, Between | OneOf]
"""By the path of a setting in a preset, such as `learner.hidden`, the values to try."""
