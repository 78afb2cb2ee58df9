from dataclasses import dataclass

import torch
from torch import Tensor

from models.training.objectives.pretraining import PretrainingConfig


@dataclass(frozen=True)
class LossesBySteps:
    """A batch whose losses are given, by the number of local steps."""

    support: dict[int | None, Tensor]
    query: dict[int | None, Tensor]
    weights: Tensor

    def support_losses(self, *, steps: int | None = None) -> Tensor:
        return self.support[steps]

    def query_losses(self, *, steps: int | None = None) -> Tensor:
        return self.query[steps]


def test_loss_is_the_weighted_mean_of_both_losses_before_adaptation() -> None:
    batch = LossesBySteps(
        support={0: torch.tensor([1.0, 2.0]), None: torch.tensor([0.0, 0.0])},
        query={0: torch.tensor([3.0, 6.0]), None: torch.tensor([0.0, 0.0])},
        weights=torch.tensor([3.0, 1.0]),
    )
    assert PretrainingConfig().loss(batch).item() == (3 * 2.0 + 1 * 4.0) / 4
