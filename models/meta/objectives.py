"""Outer objectives: what the global update minimises over a batch of users."""

from torch import Tensor


def query_loss(predictions: Tensor, ratings: Tensor, mask: Tensor) -> Tensor:
    """The mean of the users' query losses `L'_i = 1/|H'_i| Σ_j (y_ij − ŷ_ij)²` (MeLU, eq. 5 and algorithm 1).

    The paper sums over the batch; the mean only rescales the gradient, which Adam does not notice, and keeps the
    last, smaller batch of an epoch from weighing less.

    Args:
        predictions: float32 [B, Q].
        ratings: float32 [B, Q].
        mask: bool [B, Q]; every user has at least one query rating.

    Returns:
        A scalar.
    """
    errors = (predictions - ratings).square() * mask
    return (errors.sum(dim=1) / mask.sum(dim=1)).mean()
