"""Fields with a vocabulary of categories or words, and their embeddings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.fields.attribute_field import AttributeField
from models.fields.base import BaseField, InputLayer
from models.fields.config import SimilarityConfig

UNKNOWN = 0
"""Index of the unknown value. It is a part of the encoding, not a setting."""


class VocabularyField(BaseField):
    """A field whose values have indices, from 1.

    Attributes:
        values: The distinct values, the most frequent first and ties by name, so that the order of the rows does not
            count.
        rare: How many values at the end are too rare to be embedded (`AttributeField.min_count`).
    """

    values: tuple[str, ...]
    rare: int = 0

    @classmethod
    def _of_values(cls, field: AttributeField, values: Sequence[str]) -> Self:
        counts = Counter(values)
        return cls(
            name=field.name,
            embed=field.embed,
            values=tuple(sorted(counts, key=lambda value: (-counts[value], value))),
            rare=sum(count < field.min_count for count in counts.values()),
        )

    @property
    def category_count(self) -> int:
        """How many values from the beginning are embedded."""
        return len(self.values) - self.rare

    def similarity_width(self, config: SimilarityConfig) -> int:  # noqa: ARG002 - the vocabulary decides
        """One column per value."""
        return len(self.values)

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {value: index for index, value in enumerate(self.values, start=UNKNOWN + 1)}

    def _padded(self, rows: Iterable[Iterable[str]]) -> Tensor:
        """The indices of each row's distinct known values; int64 [rows, slots], with one slot at least."""
        index_of = self._index_of
        known = [[index_of[value] for value in dict.fromkeys(row) if value in index_of] for row in rows]
        encoded = np.full((len(known), max(map(len, known), default=1) or 1), UNKNOWN, dtype=np.int64)
        for row, indices in enumerate(known):
            encoded[row, : len(indices)] = indices
        return torch.from_numpy(encoded)


def unit_rows(indices: Tensor, weights: Tensor) -> Tensor:
    """Vectors of length 1 with one column per value; sparse float64 [rows, values].

    Args:
        indices: int64 [rows, slots], from 1. Padding (0) and indices beyond the weights are ignored.
        weights: float64 [values], the weight of each value; not 0.
    """
    rows, slots = torch.nonzero((indices > UNKNOWN) & (indices <= len(weights)), as_tuple=True)
    columns = indices[rows, slots] - 1
    entries = weights[columns]
    squares = weights.new_zeros(len(indices)).index_add_(0, rows, entries.square())
    return sparse_rows(rows, columns, entries / squares.sqrt()[rows], (len(indices), len(weights)))


def sparse_rows(rows: Tensor, columns: Tensor, entries: Tensor, shape: tuple[int, int]) -> Tensor:
    """A sparse matrix of n entries at distinct places."""
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), entries, shape, check_invariants=False)


class CategoryEmbedding(nn.Embedding, InputLayer):
    """The embedding of one category; int64 [rows] → [rows, dim]."""

    def __init__(self, values: int, *, dim: int, scale: float) -> None:
        super().__init__(values + 1, dim)
        nn.init.normal_(self.weight, std=scale)
        self.width = dim
        self.column_count = values + 1

    def forward(self, indices: Tensor) -> Tensor:
        """Look up the embeddings. Indices of values that are not embedded count as unknown."""
        return super().forward(self._frequent(indices))

    def columns(self, indices: Tensor) -> Tensor:
        """One-hot, the unknown value first."""
        return F.one_hot(self._frequent(indices), self.num_embeddings).to(self.weight.dtype)

    def of_columns(self, columns: Tensor) -> Tensor:
        """The embeddings, multiplied by the columns and added up."""
        return columns @ self.weight

    def _frequent(self, indices: Tensor) -> Tensor:
        return indices.masked_fill(indices >= self.num_embeddings, UNKNOWN)


class CategoriesEmbedding(CategoryEmbedding):
    """The weighted mean of the embeddings of a row's values; int64 [rows, values] → [rows, dim].

    A row without values gets the embedding of the unknown value.
    """

    value_weights: Tensor

    def __init__(self, weights: Sequence[float], *, dim: int, scale: float) -> None:
        super().__init__(len(weights), dim=dim, scale=scale)
        self.register_buffer("value_weights", torch.tensor([1.0, *weights]), persistent=False)

    def forward(self, indices: Tensor) -> Tensor:
        """Average over the values, without padding and rare values."""
        # `embedding_bag` is not used: the order in which it sums gradients depends on the amount of padding.
        return (super().forward(indices) * self._weights(indices).unsqueeze(-1)).sum(dim=1)

    def columns(self, indices: Tensor) -> Tensor:
        """The weights in the mean, the unknown value's first."""
        weights = self._weights(indices)
        return weights.new_zeros(len(indices), self.num_embeddings).scatter_add(1, self._frequent(indices), weights)

    def _weights(self, indices: Tensor) -> Tensor:
        """The weight of each slot in its row's mean; float32 [rows, values]."""
        frequent = self._frequent(indices)
        present = frequent != UNKNOWN
        present[:, 0] |= ~present.any(dim=1)
        weights = present * self.value_weights[frequent]
        return weights / weights.sum(dim=1, keepdim=True)
