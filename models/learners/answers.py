"""Users' answers to questions about several items, as observations of linear combinations of their ratings."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from torch import Tensor

from models.inputs.rows import TensorRows

ItemsT = TypeVar("ItemsT", bound=TensorRows)


class AnswerKind(IntEnum):
    """What an answer observes of the user's ratings y_m of some items."""

    MEAN = 0
    """Of a group of items or of the items with an attribute value: their mean, weighted."""
    PAIR = 1
    """Of two items: the difference of the preferred one and the other. How large it is, the user does not say."""


@dataclass(frozen=True)
class Answers(Generic[ItemsT]):
    """Answers of B users, padded to A answers: each observes `Σ_m a_m y_m` with noise.

    Attributes:
        items: [B, A, M], embedded as the support items are; any items where the weight is 0.
        weights: float32 [B, A, M], a. Those of a mean add up to 1. Of a pair, the preferred item has 1 and the other
            −1. It is 0 where there is padding.
        values: float32 [B, A], the answers on the rating scale; any finite number for a pair.
        kinds: int64 [B, A], an `AnswerKind` each.
        mask: bool [B, A], unset for padding.
    """

    items: ItemsT
    weights: Tensor
    values: Tensor
    kinds: Tensor
    mask: Tensor
