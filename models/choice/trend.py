"""How what people choose changes with time."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.dataset import UNKNOWN_TIME


class Trend(nn.Module):
    """A vector that is added to a user's vector: what people in general choose at the time of the request.

    It is learned at a few points of time, at equal shares of the training choices, and interpolated between them.
    Before the first and after the last point it stays the same, so a service recommends what people chose lately. A
    request without a known time counts as made now.
    """

    points: Tensor

    def __init__(self, points: int, dimensions: int) -> None:
        """Allocate the vectors, which are 0 at first.

        Args:
            points: Number of points of time K, at least 2.
            dimensions: Length of the vectors D.
        """
        super().__init__()
        # float64, because float32 holds seconds since 1970 to two minutes only.
        self.register_buffer("points", torch.zeros(points, dtype=torch.float64))
        self.vectors = nn.Parameter(torch.zeros(points, dimensions))

    def place_points(self, times: NDArray[np.int64]) -> None:
        """Place the points at equal shares of some times (int64, any number; unknown ones are left out)."""
        known = times[times != UNKNOWN_TIME]
        if len(known):
            self.points.copy_(torch.from_numpy(np.quantile(known, np.linspace(0, 1, len(self.points)))))

    def forward(self, now: Tensor) -> Tensor:
        """The vectors at the times of B requests (int64 [B], `UNKNOWN_TIME` where unknown); float32 [B, D]."""
        time = now.to(self.points).masked_fill(now == UNKNOWN_TIME, torch.inf).unsqueeze(1)
        # The share of each interval between two points that has passed. Points are equal where many choices have the
        # same time.
        passed = ((time - self.points[:-1]) / self.points.diff().clamp(min=1)).clamp(0, 1)
        return torch.addmm(self.vectors[0], passed.to(self.vectors), self.vectors.diff(dim=0))
