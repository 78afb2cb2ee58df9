"""A predicted distribution over the ratings of a scale."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.rating_scale import RatingScale

ArrayT = TypeVar("ArrayT", NDArray[np.float32], Tensor)
"""float32 numpy arrays, or torch tensors."""


@dataclass(frozen=True)
class Distribution(Generic[ArrayT]):
    """Probabilities of K cells, which cover the scale without gaps; within a cell all ratings are equally probable.

    On a scale of few levels each level has its own cell, from half a step below to half a step above it. On a scale of
    many levels a cell holds several of them, so that memory does not grow with the number of levels.

    Attributes:
        scale: The rating scale.
        edges: float32 [K + 1], rising, the ends of the cells.
        probabilities: float32 [..., K] of the cells.
    """

    scale: RatingScale
    edges: ArrayT
    probabilities: ArrayT

    def at_least(self, rating: float) -> ArrayT:
        """`P(y ≥ rating)`; float32 [...]."""
        low, high = self.edges[:-1], self.edges[1:]
        shares = ((high - self.scale.lower_end(rating)) / (high - low)).clip(0, 1)
        # Rounded, the sum may be more than 1.
        probabilities: ArrayT = (self.probabilities * shares).sum(-1).clip(max=1)
        return probabilities

    def to_numpy(self) -> "Distribution[NDArray[np.float32]]":
        """The same in the memory of the processor."""
        edges: Any = self.edges
        probabilities: Any = self.probabilities
        return Distribution(self.scale, edges.cpu().numpy(), probabilities.cpu().numpy())


def median(distribution: Distribution[Tensor]) -> Tensor:
    """The median, rounded to the nearest rating of the scale; linear inside a cell; float32 [...]."""
    edges, probabilities = distribution.edges, distribution.probabilities
    below = probabilities.cumsum(dim=-1)
    cell = (below < 0.5).sum(dim=-1, keepdim=True).clamp(max=probabilities.shape[-1] - 1)
    mass = probabilities.gather(-1, cell)
    share = ((0.5 - below.gather(-1, cell) + mass) / mass.clamp(min=1e-12)).clamp(0, 1).squeeze(-1)
    cell = cell.squeeze(-1)
    return distribution.scale.nearest(edges[cell] + share * (edges[cell + 1] - edges[cell]))


def cell_probabilities(distribution: Distribution[Tensor], ratings: Tensor) -> Tensor:
    """The probability of the cell in which each rating (float32 [...]) lies; float32 [...]."""
    cells = torch.bucketize(ratings.contiguous(), distribution.edges, right=True) - 1
    cells = cells.clamp(0, distribution.probabilities.shape[-1] - 1)
    return distribution.probabilities.gather(-1, cells.unsqueeze(-1)).squeeze(-1)


def likelihoods(
    distribution: Distribution[NDArray[np.float32]], ratings: NDArray[np.float32], *, smallest: float
) -> NDArray[np.float64]:
    """How probable each rating was; float64 [...].

    On a scale with steps it is the probability of the rating's level, with any number of levels, so that scales and
    heads can be compared. On a continuous scale it is the probability density, per rating point.

    Args:
        distribution: Of each rating.
        ratings: float32 [...].
        smallest: The probability of a cell is cut off below this.
    """
    edges = distribution.edges
    cells = np.clip(np.searchsorted(edges, ratings, side="right") - 1, 0, len(edges) - 2)
    probabilities = np.take_along_axis(distribution.probabilities, cells[..., None], axis=-1)[..., 0]
    width = 1.0 if distribution.scale.step is None else distribution.scale.step
    return np.asarray(np.clip(probabilities.astype(np.float64), smallest, None) * width / np.diff(edges)[cells])
