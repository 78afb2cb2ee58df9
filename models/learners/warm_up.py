"""What is known of items from the ratings that they got after training."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LaterRatings:
    """The ratings that each of some items got after training; at least one each.

    Attributes:
        counts: float32 [items], n, their number.
        means: float32 [items], their mean.
        meanwhile: float32 [items], N, the number of ratings of all items after the item's first one.
        trained_counts: float32 [items], the number of ratings of the item in training.
    """

    counts: Tensor
    means: Tensor
    meanwhile: Tensor
    trained_counts: Tensor
