"""Fields with a vector of a fixed length, such as the embedding of a text or an image."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor

from models.fields.attribute_field import AttributeField, FieldKind
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.directions import DirectionField
from models.fields.values import AttributeValue, checked_number, clean_parts, split_text

_SEPARATORS = (",", ";", "|", " ", "\t")


class VectorField(DirectionField):
    """A vector, encoded as (its direction, 0) or, unknown, (0, 1); float32 [rows, dimensions + 1].

    The direction is the vector divided by its Euclidean length. A vector of zeros has none and counts as unknown. So
    does a vector of other dimensions than in training.
    """

    polars_type: ClassVar[pl.DataType] = pl.List(pl.Float64)
    takes_lists: ClassVar[bool] = True

    kind: Literal[FieldKind.VECTOR] = FieldKind.VECTOR

    @classmethod
    def check_declaration(cls, field: AttributeField) -> None:
        """Accept every option."""

    @classmethod
    def complete(cls, field: AttributeField, raw: pl.Series) -> AttributeField:
        """Fill in the dimensions: the most common length in the column."""
        if field.dimensions is not None:
            return field
        vectors = raw.to_frame().select(cls.parse(field, pl.col(raw.name), is_list=raw.dtype == pl.List)).to_series()
        return field.model_copy(update={"dimensions": _most_common_length(vectors)})

    @classmethod
    def expected(cls, field: AttributeField) -> str:
        """A list of numbers, with its length if that is declared."""
        return f"a list of {'' if field.dimensions is None else f'{field.dimensions} '}finite numbers"

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The list."""
        expected = cls.expected(field)
        if not isinstance(value, list) or not value:
            raise ValueError(f"must be {expected}")
        numbers = [checked_number(number, expected) for number in value]
        if field.dimensions not in (None, len(numbers)):
            raise ValueError(f"must be {expected}, not of {len(numbers)}")
        return numbers

    @classmethod
    def parse(cls, field: AttributeField, raw: pl.Expr, *, is_list: bool) -> pl.Expr:
        """The numbers between separators, with or without brackets: "0.1|0.2" or "[0.1, 0.2]"."""
        if is_list:
            numbers = raw.cast(cls.polars_type, strict=False)
        else:
            parts = split_text(raw.str.strip_chars("[]() "), field.separators or _SEPARATORS)
            numbers = clean_parts(parts).list.eval(pl.element().cast(pl.Float64, strict=False))
        finite = numbers.list.eval(pl.element().is_finite().fill_null(value=False)).list.all()
        length = numbers.list.len()
        right = length > 0 if field.dimensions is None else length == field.dimensions
        return pl.when(finite & right).then(numbers)

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:  # noqa: ARG003 - no scale
        """Learn the length, unless it is declared; 1 if there are no vectors."""
        dimensions = field.dimensions or _most_common_length(values) or 1
        return cls(name=field.name, embed=field.embed, dimensions=dimensions)

    def encode(self, values: Sequence[Sequence[float] | None] | pl.Series) -> Tensor:
        """Normalise."""
        vectors = pl.Series(values, dtype=self.polars_type)
        rows = np.flatnonzero((vectors.list.len() == self.dimensions).fill_null(value=False).to_numpy())
        return self._encoded(rows, vectors[rows].explode().to_numpy().reshape(-1, self.dimensions), len(vectors))

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of vectors."""
        return config.vector_variance

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """A vector in a random direction."""
        direction: list[float] = generator.normal(size=self.dimensions).tolist()
        return direction

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:
        """One column per number."""
        if self.dimensions > max_columns:
            return super().tree_columns(encoded, max_columns=max_columns)
        numbers = encoded.double().numpy()
        return np.where(numbers[:, -1:] > 0, np.nan, numbers[:, :-1])


def _most_common_length(vectors: pl.Series) -> int | None:
    """The most common length of the lists, the shortest one in a tie; None if there are no lists."""
    lengths = vectors.drop_nulls().list.len().mode().sort()
    return None if lengths.is_empty() else int(lengths[0])
