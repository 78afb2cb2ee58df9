"""Tensors with one row per user or item."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import chain
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class TensorRows:
    """A dataclass of tensors with the same leading dimensions: one row per user or item.

    A subclass has one field per tensor, and documents the shapes behind the leading dimensions. All methods treat all
    tensors alike. So code can select and move rows of any learner. A subclass with fields that are no tensors, such as
    other rows, overrides `tensors` and `of_tensors`.
    """

    def tensors(self) -> list[Tensor]:
        """The tensors, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    def of_tensors(self, tensors: Iterator[Tensor]) -> Self:
        """Rows of the same kind that hold these tensors, in the order of `tensors`."""
        return type(self)(*tensors)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same rows with a function applied to every tensor."""
        return self.of_tensors(map(function, self.tensors()))

    def __len__(self) -> int:
        return len(self.tensors()[0])

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.tensors()[0].device

    def __getitem__(self, index: int | slice | Tensor | NDArray[np.int64] | tuple[slice, ...]) -> Self:
        return self.map(lambda values: values[index])

    def take(self, rows: Tensor) -> Self:
        """Some rows (int64, any shape). The shape of `rows` becomes the leading dimensions."""
        # This is much faster than indexing with several dimensions, forward and backward.
        flat = rows.flatten()
        return self.map(lambda values: values.index_select(0, flat).view(rows.shape + values.shape[1:]))

    def expand(self, count: int) -> Self:
        """The same rows `count` times along a new first dimension, without a copy."""
        return self.map(lambda values: values.expand(count, *values.shape))

    def append(self, other: Self, *, dim: int = 0) -> Self:
        """These rows, then the other rows, along one of the leading dimensions."""
        pairs = zip(self.tensors(), other.tensors(), strict=True)
        return self.of_tensors(torch.cat([first, second], dim=dim) for first, second in pairs)

    @classmethod
    def collect(cls, pieces: Iterator[Self], count: int) -> Self:
        """Concatenate pieces without holding all of them in memory twice.

        Args:
            pieces: One piece or more.
            count: The number of rows of all pieces.
        """
        first = next(pieces)
        collected = first.map(lambda values: values.new_empty(count, *values.shape[1:]))
        start = 0
        for piece in chain([first], pieces):
            for target, values in zip(collected.tensors(), piece.tensors(), strict=True):
                target[start : start + len(values)] = values
            start += len(piece)
        return collected
