"""The ordinal head: a distribution over the rating levels, with thresholds and a scale for each user."""

from typing import Annotated, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.distribution import Distribution
from models.data.rating_scale import RatingScale
from models.learners.heads.base import Head, HeadConfig, Latent, Predictions, SupportSummary

_MOMENTS = 4
"""Statistics of the residuals: their mean and mean square, and mean square and mean size of leave-one-out residuals."""


class OrdinalConfig(HeadConfig):
    """The choices of the ordinal head.

    All lengths are in levels of the rating scale, or in units of the inner scale where bins stand for levels.

    Attributes:
        max_levels: Most levels that have a probability each. A scale with more levels, or a continuous one, is divided
            into bins.
        bins: How many bins.
        hidden: Hidden units of the network that shifts a user's thresholds and scale.
        max_shift: Bound of each shift: of a threshold in levels, of a gap or the scale as a logarithm. It keeps a user
            unlike all training users from getting absurd thresholds. 0 gives all users the same thresholds and scale.
        prior_ratings: Weight of the typical residuals in a user's statistics, in ratings.
        prior_moments: Typical residuals: their mean, their mean square, and the mean square and mean size of
            leave-one-out residuals.
        first_threshold: Initial threshold between the lowest two levels, β, in levels.
        scale: Initial scale of the logistic distribution, exp(ℓ).
        variance_weight: Initial a, where softplus(a) weighs the latent variance.
        min_probability: The likelihood of a rating is cut off below this in training, so that one odd rating cannot
            dominate a batch.
    """

    kind: Literal["ordinal"] = "ordinal"
    max_levels: Annotated[int, Field(ge=2)] = 20
    bins: Annotated[int, Field(ge=3)] = 20
    hidden: Annotated[int, Field(ge=1)] = 32
    max_shift: Annotated[float, Field(ge=0)] = 1.5
    prior_ratings: Annotated[float, Field(gt=0)] = 3.0
    prior_moments: tuple[float, float, float, float] = (0.0, 0.8, 0.8, 0.7)
    first_threshold: float = 0.5
    scale: Annotated[float, Field(gt=0)] = 0.5
    variance_weight: float = -1.0
    min_probability: Annotated[float, Field(gt=0, lt=1)] = 1e-5

    @model_validator(mode="after")
    def _bins_hold_a_level_each(self) -> Self:
        if self.bins > self.max_levels:
            raise ValueError("bins is greater than max_levels: some bins would hold no level")
        return self

    def bins_of(self, scale: RatingScale) -> int | None:
        """The number of bins for a scale with more levels than the head takes."""
        return None if scale.has_at_most(self.max_levels) else self.bins

    def build(self, scale: RatingScale, *, unit: float | None = None) -> "OrdinalHead":
        """The head for a rating scale."""
        return OrdinalHead(scale, self, unit)


class OrdinalHead(Head):
    """Cumulative logits (McCullagh 1980): `P(y > level k) = σ((m − b_k)/s)` with thresholds and scale of each user.

    `b_1 = β + δ_1, b_{k+1} = b_k + exp(g_k + δ_{k+1})` and `s² = exp(2(ℓ + λ)) + softplus(a) v`, with (m, v) the
    latent mean and variance. A small network computes (δ, λ) from statistics of the user's support set, because some
    people never give the lowest rating and others give little else. The median minimises the absolute error, the mean
    the squared error, and m ranks.

    Inside, everything is in levels of the scale (or the given unit), counted from the lowest, so that the same initial
    values suit any scale.

    Attributes:
        level_shares: float32 [K], share of each level in the training ratings.
    """

    level_shares: Tensor
    _edges: Tensor
    _levels: Tensor
    _prior_moments: Tensor

    def __init__(self, scale: RatingScale, config: OrdinalConfig, unit: float | None = None) -> None:
        """Start with thresholds halfway between the levels, the same for all users.

        Args:
            scale: The rating scale.
            config: The choices.
            unit: The unit of their lengths, in rating points; one step by default.
        """
        super().__init__()
        self.scale = scale
        self.config = config
        count = scale.level_count
        self._unit = scale.level_width if unit is None else unit
        width = scale.level_width / self._unit
        edges = torch.from_numpy(scale.rating_of(np.arange(count + 1) - 0.5)).float()
        self.register_buffer("_edges", edges, persistent=False)
        self.register_buffer("level_shares", torch.full((count,), 1.0 / count))
        self.register_buffer("_levels", torch.arange(count), persistent=False)
        prior = config.prior_ratings * torch.tensor(config.prior_moments)
        self.register_buffer("_prior_moments", prior, persistent=False)
        self.first_threshold = nn.Parameter(torch.tensor(config.first_threshold * width))
        self.log_gaps = nn.Parameter(torch.full((count - 2,), width).log())
        self.log_scale = nn.Parameter(torch.tensor(config.scale).log())
        self.variance_weight = nn.Parameter(torch.tensor(config.variance_weight))
        output = nn.Linear(config.hidden, count)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        statistics = count + 1 + _MOMENTS
        self.shifts = nn.Sequential(nn.Linear(statistics, config.hidden), nn.ReLU(), output)

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Count the levels. A level that never occurs counts as half a rating, so that its logarithm exists."""
        levels = self.scale.levels_of(torch.from_numpy(ratings))
        counts = torch.bincount(levels, minlength=self.scale.level_count).clamp(min=0.5)
        self.level_shares.copy_(counts / counts.sum())

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:
        """Turn latent predictions into distributions over the levels."""
        exceeding = self._exceeding(latent, support)
        probabilities = _differences(exceeding)
        return Predictions(
            score=latent.mean,
            mean=self.scale.rating_of(probabilities @ self._levels.to(probabilities.dtype)),
            median=self.scale.rating_of((exceeding > 0.5).sum(dim=-1)),
            distribution=Distribution(self.scale, self._edges, probabilities),
        )

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:
        """Negative log likelihood of the ratings, in nats; float32 [B, Q]."""
        probabilities = _differences(self._exceeding(latent, support))
        likelihood = probabilities.gather(-1, self.scale.levels_of(ratings).unsqueeze(-1)).squeeze(-1)
        return -likelihood.clamp(min=self.config.min_probability).log()

    def _exceeding(self, latent: Latent, support: SupportSummary) -> Tensor:
        """`P(y > level k)` for all levels but the highest; float32 [B, Q, K − 1], falling in k."""
        shifts, log_stretch = self._shifts(support)
        first = self.first_threshold + shifts[:, :1]
        thresholds = torch.cat([first, first + (self.log_gaps + shifts[:, 1:]).exp().cumsum(dim=1)], dim=1)
        unit = self._unit
        variance = (2 * (self.log_scale + log_stretch)).exp() + F.softplus(self.variance_weight) * (
            latent.variance / unit**2
        )
        means = (latent.mean - self.scale.minimum) / unit
        return torch.sigmoid((means.unsqueeze(-1) - thresholds.unsqueeze(1)) / variance.sqrt().unsqueeze(-1))

    def _shifts(self, support: SupportSummary) -> tuple[Tensor, Tensor]:
        """δ, float32 [B, K − 1], and λ, float32 [B, 1]."""
        bound = self.config.max_shift
        shifts = self.shifts(self._statistics(support))
        bounded = bound * torch.tanh(shifts / bound) if bound else torch.zeros_like(shifts)
        return bounded[:, :-1], bounded[:, -1:]

    def _statistics(self, support: SupportSummary) -> Tensor:
        """Inputs of the network that shifts thresholds and scale; float32 [B, K + 5]."""
        mask = support.mask.to(support.ratings.dtype)
        count = mask.sum(dim=1, keepdim=True)
        residuals = support.residuals / self._unit * mask
        leave_one_out = support.leave_one_out / self._unit * mask
        levels = (self.scale.levels_of(support.ratings).unsqueeze(-1) == self._levels) * mask.unsqueeze(-1)
        # The prior is one rating a level, distributed like all training ratings.
        prior = self.scale.level_count
        shares = (levels.sum(dim=1) + prior * self.level_shares) / (count + prior)
        # Stacked, because every operation on one user's few ratings adds to a request's latency.
        terms = [residuals, residuals.square(), leave_one_out.square(), leave_one_out.abs()]
        moments = torch.stack(terms, dim=-1).sum(dim=1)
        moments = (moments + self._prior_moments) / (count + self.config.prior_ratings)
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


def _differences(exceeding: Tensor) -> Tensor:
    """The K − 1 values `P(y > level k)` → the probabilities of the K levels."""
    ones, zeros = torch.ones_like(exceeding[..., :1]), torch.zeros_like(exceeding[..., :1])
    return torch.cat([ones, exceeding], dim=-1) - torch.cat([exceeding, zeros], dim=-1)
