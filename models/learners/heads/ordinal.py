"""The ordinal head: a distribution over the rating levels, with each user's own reading of the scale."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.schema import RatingScale
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary

_SMALLEST_PROBABILITY = 1e-5
"""Below this the log likelihood of a rating is cut off, so that one odd rating cannot rule a batch."""

_PRIOR_RATINGS = 3.0
"""As many ratings like everybody's are added to what a user's support set says."""

_USUAL_MOMENTS = (0.0, 0.8, 0.8, 0.7)
"""What residuals are like before anything is known of a user, in (squared) levels of the scale: their mean, their
square, and the square and size of left-out ones."""

_MOST_SHIFT = 1.5
"""Farther from everybody's, in levels of the scale or as a logarithm, no threshold, gap or scale of a user is."""

_HIDDEN = 32
_STATISTICS_BESIDE_SHARES = 5


class OrdinalHead(Head):
    """Cumulative logits (McCullagh 1980): `P(y > level k) = σ((m − b_k)/s)`, thresholds and scale read per user.

    `b_1 = β + δ_1, b_{k+1} = b_k + exp(g_k + δ_{k+1})` and `s² = exp(2(ℓ + λ)) + softplus(a) v`, with (m, v) the
    latent mean and variance. A small network reads (δ, λ) from statistics of the user's support set, for some people
    never give the lowest rating and others give little else. The median minimises the absolute error, the mean the
    squared error, and m ranks.

    Inside, all is in levels of the scale, counted from 0, so that the same start suits any scale.
    """

    level_shares: Tensor
    """float32 [K], how often each level occurs in the training ratings."""

    _levels: Tensor
    _prior_moments: Tensor

    def __init__(self, scale: RatingScale) -> None:
        """Start with thresholds halfway between the levels, the same for everybody."""
        super().__init__()
        self.scale = scale
        count = scale.level_count
        self.register_buffer("level_shares", torch.full((count,), 1.0 / count))
        self.register_buffer("_levels", torch.arange(count), persistent=False)
        self.register_buffer("_prior_moments", _PRIOR_RATINGS * torch.tensor(_USUAL_MOMENTS), persistent=False)
        self.first_threshold = nn.Parameter(torch.tensor(0.5))
        self.log_gaps = nn.Parameter(torch.zeros(count - 2))
        self.log_scale = nn.Parameter(torch.tensor(0.5).log())
        self.variance_weight = nn.Parameter(torch.tensor(-1.0))
        output = nn.Linear(_HIDDEN, count)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        self.reading = nn.Sequential(nn.Linear(count + _STATISTICS_BESIDE_SHARES, _HIDDEN), nn.ReLU(), output)

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Count the levels; one that never occurs counts as half a rating, so that its logarithm exists."""
        levels = self._level(torch.from_numpy(ratings))
        counts = torch.bincount(levels, minlength=self.scale.level_count).clamp(min=0.5)
        self.level_shares.copy_(counts / counts.sum())

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:
        """Read latent predictions as distributions over the levels."""
        exceeding = self._exceeding(latent, support)
        probabilities = _differences(exceeding)
        return Predictions(
            score=latent.mean,
            mean=self._rating(probabilities @ self._levels.to(probabilities.dtype)),
            median=self._rating((exceeding > 0.5).sum(dim=-1)),
            probabilities=probabilities,
        )

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:
        """Negative log likelihood of the ratings, in nats; float32 [B, Q]."""
        probabilities = _differences(self._exceeding(latent, support))
        own = probabilities.gather(-1, self._level(ratings).unsqueeze(-1)).squeeze(-1)
        return -own.clamp(min=_SMALLEST_PROBABILITY).log()

    def _exceeding(self, latent: Latent, support: SupportSummary) -> Tensor:
        """`P(y > level k)` for all levels but the highest; float32 [B, Q, K − 1], falling in k."""
        # Bounded, so that a way of rating that training never met is not read as something absurd.
        reading = _MOST_SHIFT * torch.tanh(self.reading(self._statistics(support)) / _MOST_SHIFT)
        shifts, log_stretch = reading[:, :-1], reading[:, -1:]
        first = self.first_threshold + shifts[:, :1]
        thresholds = torch.cat([first, first + (self.log_gaps + shifts[:, 1:]).exp().cumsum(dim=1)], dim=1)
        step = self.scale.step
        variance = (2 * (self.log_scale + log_stretch)).exp() + F.softplus(self.variance_weight) * (
            latent.variance / step**2
        )
        means = (latent.mean - self.scale.minimum) / step
        return torch.sigmoid((means.unsqueeze(-1) - thresholds.unsqueeze(1)) / variance.sqrt().unsqueeze(-1))

    def _statistics(self, support: SupportSummary) -> Tensor:
        """What the reading is read from; float32 [B, K + 5]."""
        mask = support.mask.to(support.ratings.dtype)
        count = mask.sum(dim=1, keepdim=True)
        residuals, left_out = support.residuals / self.scale.step * mask, support.left_out / self.scale.step * mask
        levels = (self._level(support.ratings).unsqueeze(-1) == self._levels) * mask.unsqueeze(-1)
        # As many further ratings, spread like everybody's, as there are levels.
        prior = self.scale.level_count
        shares = (levels.sum(dim=1) + prior * self.level_shares) / (count + prior)
        # Together, because a request waits for every operation on one user's few ratings.
        moments = torch.stack([residuals, residuals.square(), left_out.square(), left_out.abs()], dim=-1).sum(dim=1)
        moments = (moments + self._prior_moments) / (count + _PRIOR_RATINGS)
        return torch.cat(
            [
                (shares / self.level_shares).log(),
                torch.log1p(count) / 4,
                moments[:, :1],
                moments[:, 1:3].log(),
                moments[:, 3:],
            ],
            dim=1,
        )

    def _level(self, ratings: Tensor) -> Tensor:
        """Ratings → levels from 0; padding may hold anything and gets some level."""
        levels = ((ratings - self.scale.minimum) / self.scale.step).round().long()
        return levels.clamp(0, self.scale.level_count - 1)

    def _rating(self, levels: Tensor) -> Tensor:
        """Levels from 0, also between them → ratings."""
        return levels * self.scale.step + self.scale.minimum


def _differences(exceeding: Tensor) -> Tensor:
    """`P(y > level k)`, K − 1 of them → the K levels' probabilities."""
    ones, zeros = torch.ones_like(exceeding[..., :1]), torch.zeros_like(exceeding[..., :1])
    return torch.cat([ones, exceeding], dim=-1) - torch.cat([exceeding, zeros], dim=-1)
