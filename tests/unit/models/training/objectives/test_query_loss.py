from dataclasses import dataclass

import torch
from torch import Tensor

from models.training.objectives.query_loss import QueryLossConfig


@dataclass(frozen=True)
class FixedLosses:
    """A batch whose losses are given."""

    losses: Tensor
    weights: Tensor

    def query_losses(self) -> Tensor:
        return self.losses


def test_query_loss_of_a_batch_is_the_weighted_mean() -> None:
    batch = FixedLosses(torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0]))
    assert QueryLossConfig().loss(batch).item() == (3 * 1.0 + 1 * 4.0) / 4


def test_query_loss_with_scaled_weights_stays_the_same() -> None:
    losses, weights = torch.tensor([1.0, 4.0, 2.0]), torch.tensor([3.0, 1.0, 2.0])
    first, second = (QueryLossConfig().loss(FixedLosses(losses, weights * scale)) for scale in (1.0, 10.0))
    torch.testing.assert_close(first, second)
