"""What vectors and sentence embeddings have in common: their values are directions in space."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.fields.base import BaseField, InputLayer
from models.fields.config import SimilarityConfig


class DirectionEmbedding(nn.Linear, InputLayer):
    """A linear map of a normalised vector and its unknown flag; [rows, dimensions + 1] → [rows, dim].

    The weights of the flag are the embedding of the unknown value. All inputs have length 1, so the initial embeddings
    are as large as those of categories.
    """

    def __init__(self, dimensions: int, *, dim: int, scale: float) -> None:
        super().__init__(dimensions + 1, dim, bias=False)
        nn.init.normal_(self.weight, std=scale)
        self.width = dim
        self.column_count = dimensions + 1


class DirectionField(BaseField):
    """A field of directions, encoded as (the direction, 0) or, unknown, (0, 1); float32 [rows, dimensions + 1].

    Attributes:
        dimensions: Length of the vectors.
    """

    dimensions: int

    def _encoded(self, rows: NDArray[np.int64], vectors: NDArray[np.floating], count: int) -> Tensor:
        """Normalise. A vector of zeros has no direction, so it is unknown.

        Args:
            rows: int64 [known], the rows that have a vector.
            vectors: [known, dimensions].
            count: The number of rows.
        """
        encoded = np.zeros((count, self.dimensions + 1), dtype=np.float32)
        # Division by the largest number first keeps squares from overflowing.
        largest = np.abs(vectors).max(axis=1, initial=0.0, keepdims=True)
        vectors = vectors / np.where(largest > 0, largest, 1.0)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        encoded[rows, :-1] = vectors / np.where(lengths > 0, lengths, 1.0)
        encoded[:, -1] = ~encoded.any(axis=1)
        return torch.from_numpy(encoded)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is (0, 1)."""
        unknown = encoded.new_zeros(self.dimensions + 1)
        unknown[-1] = 1.0
        return torch.where(dropped.unsqueeze(-1), unknown, encoded)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """A linear map."""
        return DirectionEmbedding(self.dimensions, dim=embedding_dim, scale=embedding_scale)

    def similarity_width(self, config: SimilarityConfig) -> int:  # noqa: ARG002 - the vectors decide
        """One column per number, then one for the unknown value."""
        return self.dimensions + 1

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no categories
        """The direction and the unknown flag: inner products are cosines, and 1 for two unknown vectors."""
        return encoded.cpu().double()
