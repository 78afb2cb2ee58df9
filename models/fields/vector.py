"""Fields that hold a list of numbers of a fixed length, such as the embedding of a text or an image."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.fields.attribute_field import AttributeField, FieldKind
from models.fields.base import BaseField, InputLayer
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.values import AttributeValue, checked_number, clean_parts, split_text

_SEPARATORS = (",", ";", "|", " ", "\t")


class VectorEmbedding(nn.Linear, InputLayer):
    """A linear map of a normalised vector; the unknown value has an embedding; [rows, dimensions + 1] → [rows, dim].

    The unknown flag is one more input, and its weights are the embedding of the unknown value. All inputs have length
    1, so that embeddings start as large as those of categories.
    """

    def __init__(self, dimensions: int, *, dim: int, scale: float) -> None:
        super().__init__(dimensions + 1, dim, bias=False)
        nn.init.normal_(self.weight, std=scale)
        self.width = dim


class VectorField(BaseField):
    """A vector, encoded as (its direction, 0) or, unknown, (0, 1); float32 [rows, dimensions + 1].

    The direction is the vector divided by its Euclidean length. A vector of zeros has none and counts as unknown. So
    does a vector of other dimensions than in training.

    Attributes:
        dimensions: Length of the vectors.
    """

    polars_type: ClassVar[pl.DataType] = pl.List(pl.Float64)
    takes_lists: ClassVar[bool] = True

    kind: Literal[FieldKind.VECTOR] = FieldKind.VECTOR
    dimensions: int

    @classmethod
    def check_declaration(cls, field: AttributeField) -> None:
        """Any options are fine."""

    @classmethod
    def complete(cls, field: AttributeField, raw: pl.Series) -> AttributeField:
        """The dimensions are those of most of the vectors."""
        if field.dimensions is not None:
            return field
        vectors = raw.to_frame().select(cls.parse(field, pl.col(raw.name), is_list=raw.dtype == pl.List)).to_series()
        return field.model_copy(update={"dimensions": _most_common_length(vectors)})

    @classmethod
    def expected(cls, field: AttributeField) -> str:
        """A list of so many numbers."""
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
        """Numbers between separators, with or without brackets around them: "0.1|0.2" or "[0.1, 0.2]"."""
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
        """Learn the length, unless the declaration gives it; 1 where there are no vectors."""
        dimensions = field.dimensions or _most_common_length(values) or 1
        return cls(name=field.name, embed=field.embed, dimensions=dimensions)

    def encode(self, values: Sequence[Sequence[float] | None] | pl.Series) -> Tensor:
        """Normalise."""
        vectors = pl.Series(values, dtype=self.polars_type)
        encoded = np.zeros((len(vectors), self.dimensions + 1), dtype=np.float32)
        rows = np.flatnonzero((vectors.list.len() == self.dimensions).fill_null(value=False).to_numpy())
        numbers = vectors[rows].explode().to_numpy().reshape(-1, self.dimensions)
        # Divided by the largest number first, so that no square overflows.
        largest = np.abs(numbers).max(axis=1, initial=0.0, keepdims=True)
        numbers = numbers / np.where(largest > 0, largest, 1.0)
        lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
        encoded[rows, :-1] = numbers / np.where(lengths > 0, lengths, 1.0)
        encoded[:, -1] = ~encoded.any(axis=1)
        return torch.from_numpy(encoded)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is (0, 1)."""
        unknown = encoded.new_zeros(self.dimensions + 1)
        unknown[-1] = 1.0
        return torch.where(dropped.unsqueeze(-1), unknown, encoded)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """A linear map."""
        return VectorEmbedding(self.dimensions, dim=embedding_dim, scale=embedding_scale)

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """That of vectors."""
        return config.vector_variance

    def similarity_width(self, config: SimilarityConfig) -> int:  # noqa: ARG002 - the vectors decide
        """One column a number, then one for the unknown value."""
        return self.dimensions + 1

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no categories
        """The direction, so that the inner product is the cosine; two unknown vectors are alike."""
        return encoded.cpu().double()

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """A vector in a random direction."""
        direction: list[float] = generator.normal(size=self.dimensions).tolist()
        return direction

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:
        """One column a number."""
        if self.dimensions > max_columns:
            return super().tree_columns(encoded, max_columns=max_columns)
        numbers = encoded.double().numpy()
        return np.where(numbers[:, -1:] > 0, np.nan, numbers[:, :-1])


def _most_common_length(vectors: pl.Series) -> int | None:
    """The length of most of the lists, the shorter of equally common ones; None where there are no lists."""
    lengths = vectors.drop_nulls().list.len().mode().sort()
    return None if lengths.is_empty() else int(lengths[0])
