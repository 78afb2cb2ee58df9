"""Scores of a catalogue, computed for one piece after the other."""

from collections.abc import Callable
from typing import Generic

import torch
from torch import Tensor

from models.learners.base import AdaptedT, ItemScorer, ItemsT, UsersT


class ScoresInPieces(ItemScorer[UsersT, AdaptedT], Generic[UsersT, ItemsT, AdaptedT]):
    """Runs the users' models on one piece of the catalogue after the other, which bounds the memory."""

    def __init__(
        self, means: Callable[[AdaptedT, UsersT, ItemsT], Tensor], items: ItemsT, *, rows_at_once: int
    ) -> None:
        """Keep the catalogue.

        Args:
            means: Adapted users, users ([B]) and items ([B, Q]) → the scores, float32 [B, Q].
            items: [items], embedded.
            rows_at_once: Items of a piece.
        """
        self._means = means
        self._items = items
        self._rows_at_once = rows_at_once

    def scores(self, adapted: AdaptedT, users: UsersT, rows: Tensor | None = None) -> Tensor:
        """The scores of all pieces; float32 [B, n]."""
        items = self._items if rows is None else self._items.take(rows)
        # An empty catalogue is one empty piece, as `torch.split` has it.
        starts = range(0, max(len(items), 1), self._rows_at_once)
        pieces = (items[start : start + self._rows_at_once].expand(len(users)) for start in starts)
        return torch.cat([self._means(adapted, users, piece) for piece in pieces], dim=1)
