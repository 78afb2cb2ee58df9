"""The head for likes: it predicts whether a rating is at least `liked_from`, as models of clicks predict a click."""

from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.distribution import Distribution, median
from models.data.rating_scale import RatingScale
from models.learners.heads.base import Head, HeadConfig, Latent, Predictions, SupportSummary


class LikesConfig(HeadConfig):
    """The choices of the head for likes.

    Attributes:
        scale: Initial scale s of the logistic distribution, as a share of the rating scale's length.
        cells: Cells on each side of `liked_from`. A scale with at most twice as many levels has one cell per level.
    """

    kind: Literal["likes"] = "likes"
    scale: Annotated[float, Field(gt=0)] = 0.25
    cells: Annotated[int, Field(ge=1)] = 10

    def build(self, scale: RatingScale, *, unit: float | None = None) -> "LikesHead":  # noqa: ARG002 - the same in all
        """The head for a rating scale."""
        return LikesHead(scale, self)


class LikesHead(Head):
    """`P(y ≥ liked_from) = σ((m − b)/s)`, trained by binary cross-entropy; b and s are learned, m is the latent mean.

    The head predicts one probability only. Within the liked ratings, and within the others, the distribution is always
    the one of the training ratings. So the expected rating is a rough one.

    Attributes:
        cell_shares: float32 [cells], share of each cell in the training ratings on its side of `liked_from`.
        cell_means: float32 [cells], the middle of each cell.
    """

    cell_shares: Tensor
    cell_means: Tensor
    _edges: Tensor
    _is_liked: Tensor

    def __init__(self, scale: RatingScale, config: LikesConfig) -> None:
        super().__init__()
        self.scale = scale
        edges = torch.from_numpy(_edges(scale, config.cells)).float()
        is_liked = torch.arange(len(edges) - 1) >= torch.argmin((edges - scale.lower_end(scale.liked_from)).abs())
        self.register_buffer("_edges", edges, persistent=False)
        self.register_buffer("_is_liked", is_liked, persistent=False)
        self.register_buffer("cell_means", (edges[:-1] + edges[1:]) / 2, persistent=False)
        self.register_buffer("cell_shares", self._shares(torch.ones(len(edges) - 1)))
        self.threshold = nn.Parameter(torch.tensor(float(scale.lower_end(scale.liked_from))))
        self.log_scale = nn.Parameter(torch.tensor(config.scale * (scale.maximum - scale.minimum)).log())

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        """Count the cells. One without ratings counts as half a rating."""
        cells = torch.bucketize(torch.from_numpy(ratings), self._edges.cpu(), right=True) - 1
        counts = torch.bincount(cells.clamp(0, len(self.cell_means) - 1), minlength=len(self.cell_means)).clamp(min=0.5)
        self.cell_shares.copy_(self._shares(counts))

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:  # noqa: ARG002 - the same for all users
        """The probability of liking, spread over the ratings."""
        liked = torch.sigmoid(self._logits(latent)).unsqueeze(-1)
        probabilities = torch.where(self._is_liked, liked, 1 - liked) * self.cell_shares
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
        distribution = Distribution(self.scale, self._edges, probabilities)
        return Predictions(
            score=latent.mean,
            mean=(probabilities @ self.cell_means).clamp(self.scale.minimum, self.scale.maximum),
            median=median(distribution),
            distribution=distribution,
        )

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:  # noqa: ARG002
        """Binary cross-entropy, in nats; float32 [B, Q]."""
        liked = (ratings >= self.scale.lower_end(self.scale.liked_from)).to(latent.mean.dtype)
        return F.binary_cross_entropy_with_logits(self._logits(latent), liked, reduction="none")

    def _logits(self, latent: Latent) -> Tensor:
        return (latent.mean - self.threshold) / self.log_scale.exp()

    def _shares(self, counts: Tensor) -> Tensor:
        """Counts of cells (float32 [cells]) as shares of their side of `liked_from`."""
        is_liked = self._is_liked.cpu()
        sides = torch.where(is_liked, counts[is_liked].sum(), counts[~is_liked].sum())
        return counts / sides


def _edges(scale: RatingScale, cells: int) -> NDArray[np.float64]:
    """The ends of the cells. Liked ratings begin at one of them."""
    if scale.has_at_most(2 * cells):
        return np.append(scale.all_ratings - scale.level_width / 2, scale.maximum + scale.level_width / 2)
    half = 0.0 if scale.step is None else scale.step / 2
    liked = scale.lower_end(scale.liked_from)
    low = np.linspace(scale.minimum - half, liked, cells + 1)[:-1]
    high = np.linspace(liked, scale.maximum + half, cells + 1)
    return np.unique(np.concatenate([low, high]))
