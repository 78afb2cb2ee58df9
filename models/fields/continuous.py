"""Fields that hold a number."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.fields.attribute_field import AttributeField, FieldKind
from models.fields.base import BaseField, InputLayer
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.values import AttributeValue, checked_number

_FAR = 1000.0
"""A number counts as far from the others if its distance from the median is more than this many typical distances.
The limit is large, because many quantities have long tails."""


def is_far(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers (float64 [n]) are far from all others, as a mistyped price is; bool [n].

    The scale is the interquartile range or, if that is 0, the median distance of the numbers unlike the median.
    """
    if not numbers.size:
        return np.zeros(0, dtype=np.bool_)
    low, median, high = np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest")
    # In halves, because the distance of two huge numbers may be infinite.
    distances = np.abs(numbers / 2 - median / 2)
    differing = distances[distances > 0]
    typical = (high / 2 - low / 2) or (float(np.median(differing)) if differing.size else 0.0)
    return np.asarray(distances / _FAR > typical)


class ContinuousInput(InputLayer):
    """Passes a standardised number and its unknown flag on; [rows, 2] → [rows, 2]."""

    width = 2
    column_count = 2

    def forward(self, encoded: Tensor) -> Tensor:
        """Return the input."""
        return encoded


class ContinuousField(BaseField):
    """A number, encoded as (its standardised value, 0) or, unknown, (0, 1); float32 [rows, 2].

    A number outside the range of the training rows counts as the nearest number of the range: a network says nothing
    sensible about numbers unlike all that it was trained on. If training knew no number, all numbers are unknown.

    Attributes:
        mean: Mean of the training rows.
        deviation: Standard deviation of the training rows.
        minimum: Lowest number of the training rows; None if they had none.
        maximum: Highest number of the training rows; None if they had none.
        max_deviations: Largest absolute value of a standardised number.
    """

    polars_type: ClassVar[pl.DataType] = pl.Float64()
    filterable: ClassVar[bool] = True
    ordered: ClassVar[bool] = True

    kind: Literal[FieldKind.CONTINUOUS] = FieldKind.CONTINUOUS
    mean: float
    deviation: float
    minimum: float | None
    maximum: float | None
    max_deviations: float = EncodingConfig().max_deviations

    @classmethod
    def expected(cls, field: AttributeField) -> str:  # noqa: ARG003 - the same for all
        """A finite number."""
        return "a finite number"

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The number."""
        return checked_number(value, cls.expected(field))

    @classmethod
    def parse(cls, field: AttributeField, raw: pl.Expr, *, is_list: bool) -> pl.Expr:
        """The number, if it is finite."""
        number = super().parse(field, raw, is_list=is_list)
        return pl.when(number.is_finite()).then(number)

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:
        """Learn the mean, the standard deviation and the range. A constant column gets the deviation 1.

        Numbers that are far from all others (`is_far`) are left out, so that one mistyped number does not make
        the field useless. They then count as the end of the range.
        """
        known = values.drop_nulls().to_numpy()
        known = known[~is_far(known)]
        mean, deviation, minimum, maximum = 0.0, 1.0, None, None
        if known.size:
            mean, minimum, maximum = float(known.mean()), float(known.min()), float(known.max())
            # Because of rounding, the deviation of a constant column may not be exactly 0.
            deviation = float(known.std()) if minimum < maximum else 1.0
        return cls(
            name=field.name,
            embed=field.embed,
            mean=mean,
            deviation=deviation,
            minimum=minimum,
            maximum=maximum,
            max_deviations=config.max_deviations,
        )

    def encode(self, values: Sequence[float | None] | pl.Series) -> Tensor:
        """Clamp to the range of the training rows, and standardise."""
        numbers = np.array(values, dtype=np.float64)  # None becomes NaN
        if self.minimum is None or self.maximum is None:
            numbers = np.full_like(numbers, np.nan)
        else:
            numbers = numbers.clip(self.minimum, self.maximum)
        unknown = np.isnan(numbers)
        standardised = ((numbers - self.mean) / self.deviation).clip(-self.max_deviations, self.max_deviations)
        encoded = np.stack([np.where(unknown, 0.0, standardised), unknown], axis=1)
        return torch.from_numpy(encoded.astype(np.float32))

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is (0, 1)."""
        unknown = encoded.new_zeros(2)
        unknown[-1] = 1.0
        return torch.where(dropped.unsqueeze(-1), unknown, encoded)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:  # noqa: ARG002 - not embedded
        """The number and its unknown flag, without weights."""
        return ContinuousInput()

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of continuous fields."""
        return config.continuous_variance

    def similarity_width(self, config: SimilarityConfig) -> int:
        """One column per radial basis function, then one for the unknown value."""
        return config.bumps + 1

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no categories
        """The normalised radial basis functions of the number."""
        values = encoded.cpu().double().numpy()
        reach = config.bump_reach
        centres = np.linspace(-reach, reach, config.bumps)
        bumps = np.exp(-0.5 * ((np.clip(values[:, :1], -reach, reach) - centres) / config.bump_width) ** 2)
        bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
        return torch.from_numpy(np.hstack([bumps * (1.0 - values[:, 1:]), values[:, 1:]]))

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """A number from the fitted normal distribution."""
        return float(generator.normal(self.mean, self.deviation))

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:  # noqa: ARG002 - one column
        """The standardised number."""
        numbers = encoded.double().numpy()
        return np.where(numbers[:, 1:] > 0, np.nan, numbers[:, :1])
