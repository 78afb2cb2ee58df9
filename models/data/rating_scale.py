"""The scale of ratings: which ratings exist, and which of them say that the user likes the item."""

import math
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

ArrayT = TypeVar("ArrayT", NDArray[Any], Tensor)
"""A numpy array or a torch tensor."""


class RatingScale(BaseModel):
    """The ratings that exist: `minimum`, `minimum + step`, …, `maximum`; or, if `continuous`, all numbers between.

    The level of a rating is its place on a scale with steps, counted from 0.

    Attributes:
        minimum: The lowest rating.
        maximum: The highest rating.
        continuous: Whether every number from minimum to maximum is a rating, such as a time in seconds.
        step: Between one rating and the next; None on a continuous scale.
        liked_from: The lowest rating of a user who likes the item; by default the first at or above three quarters of
            the scale.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum: Annotated[float, Field(allow_inf_nan=False)]
    maximum: Annotated[float, Field(allow_inf_nan=False)]
    continuous: bool = False
    step: Annotated[float, Field(allow_inf_nan=False)] | None = 1.0
    liked_from: Annotated[float, Field(allow_inf_nan=False)] = math.nan

    @model_validator(mode="before")
    @classmethod
    def _no_step_if_continuous(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw input
        return {"step": None, **data} if isinstance(data, dict) and data.get("continuous") is True else data

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        if not self.minimum < self.maximum:
            raise ValueError(f"the minimum, {self.minimum:g}, must lie below the maximum, {self.maximum:g}")
        if self.continuous and self.step is not None:
            raise ValueError("a continuous scale has no step: leave out `step` or `continuous`")
        if not self.continuous and self.step is None:
            raise ValueError("a scale needs a step, or `continuous = true`")
        if self.step is not None:
            self._check_step(self.step)
        if math.isnan(self.liked_from):
            liked = 0.75 * (self.maximum - self.minimum)
            if self.step is not None:
                liked = math.ceil(liked / self.step - 1e-9) * self.step
            # The model is frozen; this is its last value to be set. Rounding makes 7.8 of 7.800000000000001.
            object.__setattr__(self, "liked_from", float(f"{self.minimum + liked:.12g}"))
        if not self.minimum <= self.liked_from <= self.maximum:
            raise ValueError(
                f"liked_from, {self.liked_from:g}, must lie on the scale from {self.minimum:g} to {self.maximum:g}"
            )
        return self

    def _check_step(self, step: float) -> None:
        if step <= 0:
            raise ValueError(
                f"the step must be above 0, not {step:g}: for a scale without steps use `continuous = true`"
            )
        if self._rounding > 0.25:
            raise ValueError(f"the step {step:g} is too small for ratings of this size: use `continuous = true`")
        if not self.contains(self.maximum):
            raise ValueError(
                f"no whole number of steps of {step:g} leads from {self.minimum:g} to {self.maximum:g}: "
                "correct step, minimum or maximum"
            )

    def contains(self, rating: float) -> bool:
        """Whether a rating is on the scale."""
        if not self.minimum <= rating <= self.maximum:
            return False
        if self.step is None:
            return True
        steps = (rating - self.minimum) / self.step
        return abs(steps - round(steps)) < 1e-6 + self._rounding

    @property
    def level_width(self) -> float:
        """The step; ValueError for a continuous scale, which has no levels."""
        if self.step is None:
            raise ValueError(f"the scale from {self} has no levels")
        return self.step

    @property
    def level_count(self) -> int:
        """The number of ratings that exist, K."""
        return round((self.maximum - self.minimum) / self.level_width) + 1

    @property
    def all_ratings(self) -> NDArray[np.float64]:
        """The ratings that exist, the lowest first; float64 [K]."""
        return self.rating_of(np.arange(self.level_count))

    def has_at_most(self, levels: int) -> bool:
        """Whether the scale has levels, and not more than so many."""
        return self.step is not None and self.level_count <= levels

    def lower_end(self, rating: float) -> float:
        """Where a rating's level begins: half a step below it; on a continuous scale the rating itself."""
        return rating if self.step is None else rating - self.step / 2

    def level(self, rating: float) -> int:
        """The level of one rating."""
        return round((rating - self.minimum) / self.level_width)

    def levels_of(self, ratings: ArrayT) -> ArrayT:
        """The level nearest to each rating, of a numpy array or a torch tensor; int64, in 0 … K − 1."""
        levels = self._nearest_levels(ratings)
        return levels.astype(np.int64) if isinstance(levels, np.ndarray) else levels.long()

    def rating_of(self, levels: ArrayT) -> ArrayT:
        """The rating of each level, of a numpy array or a torch tensor; a level may lie between two ratings."""
        return levels * self.level_width + self.minimum

    def nearest(self, values: ArrayT) -> ArrayT:
        """The rating on the scale that is nearest to each value, of a numpy array or a torch tensor."""
        return (
            values.clip(self.minimum, self.maximum)
            if self.step is None
            else self.rating_of(self._nearest_levels(values))
        )

    def _nearest_levels(self, ratings: ArrayT) -> ArrayT:
        return ((ratings - self.minimum) / self.level_width).round().clip(0, self.level_count - 1)

    @property
    def _rounding(self) -> float:
        """The error of a rating in float32, as files and arrays store it, in steps."""
        return 0.0 if self.step is None else 2.0**-23 * max(abs(self.minimum), abs(self.maximum)) / self.step

    def __str__(self) -> str:
        steps = "continuous" if self.step is None else f"in steps of {self.step:g}"
        return f"{self.minimum:g} to {self.maximum:g}{', ' if self.step is None else ' '}{steps}"
