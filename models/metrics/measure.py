"""What a measure is: one value per user, and a rule for averaging over users."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from models.data.distribution import Distribution
from models.data.rating_scale import RatingScale

if TYPE_CHECKING:
    # At run time this would load torch, which the service's storage, an importer of this package, does not need.
    from models.learners.heads.base import Predictions


class Direction(StrEnum):
    """Which values of a measure are better."""

    LOWER = "lower"
    HIGHER = "higher"

    @property
    def sign(self) -> int:
        """1 if lower is better, −1 if higher is better: a value times this sign is always better when lower."""
        return 1 if self is Direction.LOWER else -1


@dataclass(frozen=True)
class PredictedRatings:
    """Predictions of the query ratings of B users, padded to the length Q of the longest query set.

    Attributes:
        scale: The rating scale.
        mean: float32 [B, Q], the expected rating, which minimises the squared error.
        median: float32 [B, Q], the median rating as a rating of the scale, which minimises the absolute error. Every
            predictor is rounded, so that none has an advantage.
        score: float32 [B, Q], what ranks the items; it need not lie on the rating scale.
        distribution: Of each rating, [B, Q]; None from a predictor that predicts none.
    """

    scale: RatingScale
    mean: NDArray[np.float32]
    median: NDArray[np.float32]
    score: NDArray[np.float32]
    distribution: Distribution[NDArray[np.float32]] | None = None

    @classmethod
    def of(cls, predictions: "Predictions", scale: RatingScale) -> Self:
        """A learner's predictions, which are tensors on its device."""
        return cls(
            scale=scale,
            mean=predictions.mean.cpu().numpy(),
            median=scale.nearest(predictions.median.cpu().numpy()),
            score=predictions.score.cpu().numpy(),
            distribution=None if predictions.distribution is None else predictions.distribution.to_numpy(),
        )

    @classmethod
    def of_points(cls, points: NDArray[np.float32], scale: RatingScale) -> Self:
        """Predictions that are one number each (float32 [B, Q]), clipped to the scale; the score stays as it is."""
        clipped = points.clip(scale.minimum, scale.maximum)
        return cls(scale=scale, mean=clipped, median=scale.nearest(clipped), score=points)


ROUNDED = "predictions rounded to a rating of the scale"
EXPECTED = "predictions not rounded"
"""How predictions are decoded: as `PredictedRatings.median`, or as its `mean`."""


class Described:
    """What every measure says about itself.

    Attributes:
        name: The key of the measure in JSON, such as `ndcg@3_linear`.
        title: The name in reports, such as "nDCG@3, linear gain".
        unit: The unit of the values, such as "nats"; empty for a pure number.
        direction: Which values are better.
        decoding: Which number stands for a prediction, the same for every predictor: `ROUNDED` or `EXPECTED`; empty
            where no number does.
    """

    name: str
    title: str
    unit: str
    direction: Direction
    decoding: str = ""

    @property
    def caption(self) -> str:
        """The title with the unit and the direction, such as "MAE (rating points, lower is better)"."""
        return f"{self.title} ({', '.join(filter(None, (self.unit, f'{self.direction} is better')))})"


class Measure(Described, ABC):
    """How good predictions are.

    A measure can be undefined for a user. Its value is NaN then, and averages leave the user out.
    """

    @abstractmethod
    def per_user(
        self, predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The value for each user.

        Args:
            predicted: The predictions; anything where there is padding.
            ratings: float32 [B, Q], the true ratings; 0 where there is padding.
            mask: bool [B, Q], False where there is padding.

        Returns:
            float64 [B], NaN where the measure is undefined.
        """

    def to_summand(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What averages add up, elementwise: the values themselves, unless a measure averages differently."""
        return values

    def from_mean(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The measure from means of summands, elementwise; the inverse of `to_summand`."""
        return means

    def average(self, values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
        """The average along an axis, without undefined values; NaN where all of them are undefined."""
        summands = self.to_summand(values)
        return self.from_mean(mean_where(summands, ~np.isnan(summands), axis=axis))


def mean_where(values: NDArray[np.float64], mask: NDArray[np.bool_], *, axis: int) -> NDArray[np.float64]:
    """The mean along an axis over the places where the mask is True; NaN where there are none."""
    counts = mask.sum(axis=axis)
    sums = np.asarray(values.sum(axis=axis, where=mask))
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))
