"""Items as vectors whose inner products are similarities of attributes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.fields import BaseField, SimilarityConfig
from models.inputs.encoder import EncodedRows
from models.inputs.similarity import similarity_product, similarity_width

_LEAST_LENGTH = 1e-6
"""Directions with singular values below this share of the largest are left out. Shorter vectors than this are rounding
errors, and are not scaled to length 1."""


class AttributeDirections(nn.Module):
    """Vectors of length 1 of any items, known or new; 0 for an item without known attributes.

    With the truncated singular value decomposition `F ≈ U S Vᵀ` of the similarity features F of the training items, an
    item with the features f has the vector `f V S⁻¹`, scaled to length 1. The division by S (whitening) makes all
    directions count alike: what few items have in common says more than what most have in common.

    Attributes:
        directions: float32 [features, K], V S⁻¹.
    """

    directions: Tensor

    def __init__(
        self, fields: Sequence[BaseField], similarity: SimilarityConfig, *, count: int, known_items: int
    ) -> None:
        """Allocate the directions.

        Args:
            fields: The fields of the items.
            similarity: The weight of each kind of field.
            count: How many directions, at most; 0 for vectors of no length.
            known_items: The number of items that they will be fitted to, at most.
        """
        super().__init__()
        self._fields = tuple(fields)
        self._similarity = similarity
        features = similarity_width(self._fields, similarity)
        width = min(count, features, known_items) if self._fields else 0
        # Artifacts of models without directions have no such tensor.
        self.register_buffer("directions", torch.zeros(features, width), persistent=width > 0)

    @property
    def width(self) -> int:
        """K, the length of the vectors."""
        return self.directions.shape[1]

    def forward(self, rows: EncodedRows) -> Tensor:
        """The vectors of items; float32 [rows, K]."""
        product = similarity_product(self._fields, rows, self.directions, self._similarity)
        return F.normalize(product.to(self.directions), dim=1, eps=_LEAST_LENGTH)

    def fit(self, rows: EncodedRows) -> None:
        """Fit the directions to some items."""
        if not self.width:
            return
        # scikit-learn and scipy are slow to import, and only training needs them.
        from models.inputs.content import principal_directions, similarity_features  # noqa: PLC0415

        features = similarity_features(self._fields, rows, self._similarity)
        count = min(self.width, *features.shape)
        found = principal_directions(features, count)
        lengths = np.linalg.norm(features @ found, axis=0)
        # Items with equal attributes span fewer directions. The others have the length 0, but for rounding errors.
        found = np.where(lengths > _LEAST_LENGTH * lengths.max(initial=0), found / lengths.clip(min=1e-300), 0)
        self.directions.zero_()
        self.directions[:, :count] = torch.from_numpy(found).to(self.directions)
