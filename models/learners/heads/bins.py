"""Bins of a fine or continuous rating scale, on which a head for few levels can work."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.distribution import Distribution, median
from models.data.rating_scale import RatingScale
from models.learners.heads.base import Predictions

_EVEN_SHARE = 0.25
"""Share of the bins' ends that lie as if all ratings were equally frequent, so that rare ratings have bins too."""

_LEAST_WIDTH = 2.0**-20
"""Least width of a bin on a continuous scale, as a share of the scale's length. It keeps equal quantiles apart."""


class Bins(nn.Module):
    """The scale divided into K bins at quantiles of the training ratings, and ratings measured in bins.

    A rating in the middle of bin k is `1 + 4 k/(K − 1)` on the inner scale, which reaches from 1 to 5 for
    every scale. It is linear between the ends of a bin. So ratings of any size and skew have about the same spread
    inside, and the same initial values of a learner suit all of them. On a scale with steps a bin holds whole levels.

    Attributes:
        scale: The rating scale.
        inner: The inner scale; its levels are the bins.
        edges: float64 [K + 1], the ends of the bins.
    """

    edges: Tensor
    _places: Tensor

    def __init__(self, scale: RatingScale, count: int) -> None:
        """Begin with bins of the same width; the scale must have more levels than there are bins."""
        super().__init__()
        self.scale = scale
        self.inner = RatingScale(minimum=1, maximum=5, step=4 / (count - 1))
        self._half = 0.0 if scale.step is None else scale.step / 2
        places = torch.from_numpy(self.inner.rating_of(np.arange(count + 1) - 0.5))
        self.register_buffer("_places", places, persistent=False)
        low, high = scale.minimum - self._half, scale.maximum + self._half
        self.register_buffer("edges", torch.from_numpy(self._apart(np.linspace(low, high, count + 1))))

    def fit(self, ratings: NDArray[np.float32]) -> None:
        """Put the ends of the bins at quantiles of the training ratings (float32 [ratings])."""
        even = np.linspace(self.scale.minimum, self.scale.maximum, round(len(ratings) * _EVEN_SHARE) + 2)
        pooled = np.concatenate([ratings.astype(np.float64), even])
        quantiles = np.quantile(pooled, np.linspace(0, 1, len(self.edges)))
        self.edges.copy_(torch.from_numpy(self._apart(quantiles)))

    def inside(self, ratings: Tensor) -> Tensor:
        """Ratings on the inner scale; the same shape."""
        wide = ratings.to(self.edges.dtype).contiguous()
        bins = (torch.searchsorted(self.edges, wide, right=True) - 1).clamp(0, len(self.edges) - 2)
        shares = ((wide - self.edges[bins]) / (self.edges[bins + 1] - self.edges[bins])).clamp(0, 1)
        return (self._places[bins] + shares * self.inner.level_width).to(ratings.dtype)

    def scores(self, inner: Tensor) -> Tensor:
        """Scores of the inner scale, stretched to the length of the scale; their order stays the same."""
        return self.scale.minimum + (inner - 1) / 4 * (self.scale.maximum - self.scale.minimum)

    def predictions(self, inner: Predictions) -> Predictions:
        """Predictions on the inner scale as predictions on the scale.

        The median is where the cumulative probability is one half, and then the nearest level. A head without a
        distribution is not for bins.
        """
        assert inner.distribution is not None  # noqa: S101 - `HeadConfig.bins_of` says so
        probabilities = inner.distribution.probabilities
        edges = self.edges.to(probabilities.dtype)
        distribution = Distribution(self.scale, edges, probabilities)
        return Predictions(
            score=self.scores(inner.score),
            mean=probabilities @ ((edges[:-1] + edges[1:]) / 2),
            median=median(distribution),
            distribution=distribution,
        )

    def _apart(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ends that rise from bin to bin, halfway between levels; the first and the last one are those of the scale."""
        scale, count = self.scale, len(edges) - 1
        low, high = scale.minimum - self._half, scale.maximum + self._half
        width = (high - low) * _LEAST_WIDTH if scale.step is None else scale.step
        places = (edges - low) / width
        if scale.step is not None:
            places = places.round()
        # From below and then from above, each end is moved by at least one width from its neighbour.
        order = np.arange(count + 1)
        most = (high - low) / width
        places[0], places[-1] = 0.0, most
        places = np.maximum.accumulate(places - order) + order
        places = np.minimum(places, most - order[::-1])
        return np.asarray(low + places * width)
