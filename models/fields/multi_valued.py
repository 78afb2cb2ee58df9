"""Fields with several values, such as genres."""

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
from models.fields.values import AttributeValue, checked_text, clean_parts, split_text
from models.fields.vocabulary import UNKNOWN, CategoriesEmbedding, VocabularyField, unit_rows

_SEPARATORS = ("|",)


class MultiValuedField(VocabularyField):
    """Several categories, encoded as their indices; int64 [rows, slots], with one slot at least.

    Values that training did not see are dropped. A row without values is all padding, which is the unknown value.
    """

    polars_type: ClassVar[pl.DataType] = pl.List(pl.String)
    takes_lists: ClassVar[bool] = True
    filterable: ClassVar[bool] = True

    kind: Literal[FieldKind.MULTI_VALUED] = FieldKind.MULTI_VALUED

    @classmethod
    def expected(cls, field: AttributeField) -> str:  # noqa: ARG003 - the same for all
        """A list of strings."""
        return "a list of strings"

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The list; a single string is a list of one."""
        values = value if isinstance(value, list) else [value]
        return [checked_text(text, cls.expected(field)) for text in values]

    @classmethod
    def parse(cls, field: AttributeField, raw: pl.Expr, *, is_list: bool) -> pl.Expr:
        """The distinct values in their order; null if there are none."""
        parts = clean_parts(raw.cast(cls.polars_type)) if is_list else split_text(raw, field.separators or _SEPARATORS)
        values = parts.list.unique(maintain_order=True)
        return pl.when(values.list.len() > 0).then(values)

    @classmethod
    def collected(cls, values: pl.Expr) -> pl.Expr:
        """The distinct values of all rows in their order."""
        return values.drop_nulls().explode(empty_as_null=False).unique(maintain_order=True)

    @classmethod
    def malformed(cls, raw: pl.Expr, parsed: pl.Expr) -> pl.Expr:  # noqa: ARG003 - any text is well-formed
        """Never true: a text without values is unknown, not malformed."""
        return pl.lit(value=False)

    @classmethod
    def filter_values(cls, values: pl.Series) -> pl.DataFrame:
        """One row per value of an item."""
        return super().filter_values(values).explode("value").drop_nulls()

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:  # noqa: ARG003 - no scale
        """Learn the categories."""
        return cls._of_values(field, values.explode().drop_nulls().to_list())

    def encode(self, values: Sequence[Sequence[str] | None] | pl.Series) -> Tensor:
        """Look up each row's categories."""
        rows = values.to_list() if isinstance(values, pl.Series) else values
        return self._padded(row or () for row in rows)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is a row of padding."""
        return encoded.masked_fill(dropped.unsqueeze(-1), UNKNOWN)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """The mean of the categories' embeddings."""
        return CategoriesEmbedding([1.0] * self.category_count, dim=embedding_dim, scale=embedding_scale)

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of multi-valued fields."""
        return config.multi_valued_variance

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no scale
        """Indicators of the categories, divided by their length."""
        return self._indicators(encoded, len(self.values) if rare else self.category_count)

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """One of the categories."""
        return [str(generator.choice(self.values))] if self.values else None

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:
        """One column of 0 and 1 per category; no columns for a field that is not embedded."""
        if not self.embed or self.category_count > max_columns:
            return super().tree_columns(encoded, max_columns=max_columns)
        return (self._indicators(encoded, self.category_count).to_dense() > 0).double().numpy()

    @staticmethod
    def _indicators(encoded: Tensor, categories: int) -> Tensor:
        return unit_rows(encoded.cpu(), torch.ones(categories, dtype=torch.float64))
