"""Fields with one category."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.fields.attribute_field import AttributeField, FieldKind
from models.fields.base import InputLayer
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.values import AttributeValue, checked_text
from models.fields.vocabulary import UNKNOWN, CategoryEmbedding, VocabularyField, sparse_rows


class CategoricalField(VocabularyField):
    """One category, encoded as its index; int64 [rows]."""

    polars_type: ClassVar[pl.DataType] = pl.String()
    filterable: ClassVar[bool] = True
    tree_columns_are_categories: ClassVar[bool] = True

    kind: Literal[FieldKind.CATEGORICAL] = FieldKind.CATEGORICAL

    @classmethod
    def expected(cls, field: AttributeField) -> str:  # noqa: ARG003 - the same for all
        """A string."""
        return "a string"

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The string."""
        return checked_text(value, cls.expected(field))

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:  # noqa: ARG003 - no scale
        """Learn the categories."""
        return cls._of_values(field, values.drop_nulls().to_list())

    def encode(self, values: Sequence[str | None] | pl.Series) -> Tensor:
        """Look up each category."""
        indices = [UNKNOWN if value is None else self._index_of.get(value, UNKNOWN) for value in values]
        return torch.tensor(indices, dtype=torch.int64)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is index 0."""
        return encoded.masked_fill(dropped, UNKNOWN)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """The category's embedding."""
        return CategoryEmbedding(self.category_count, dim=embedding_dim, scale=embedding_scale)

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of categorical fields."""
        return config.categorical_variance

    def similarity_width(self, config: SimilarityConfig) -> int:
        """One column for the unknown value, then one per category."""
        return super().similarity_width(config) + 1

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no scale
        """One-hot."""
        indices = encoded.cpu()
        categories = len(self.values) if rare else self.category_count
        known = indices.masked_fill(indices > categories, UNKNOWN)
        ones = torch.ones(len(known), dtype=torch.float64)
        return sparse_rows(torch.arange(len(known)), known, ones, (len(known), categories + 1))

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """One of the categories."""
        return str(generator.choice(self.values)) if self.values else None

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:
        """The category's index."""
        if self.category_count > max_columns:
            return super().tree_columns(encoded, max_columns=max_columns)
        return encoded.masked_fill(encoded > self.category_count, UNKNOWN).double().numpy()[:, None]
