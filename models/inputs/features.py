"""Encoders that turn attributes into tensors: vocabularies and scales, fitted on training rows only.

Every field has an unknown value, which stands for what a row lacks and for what training never saw. An encoder
is a Pydantic model, so that an artifact's manifest holds it as JSON.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
import polars as pl
import torch
from pydantic import BaseModel, ConfigDict, Field
from sklearn.feature_extraction.text import CountVectorizer
from torch import Tensor

from models.data.schema import AttributeField, AttributeValue, FieldKind

UNKNOWN = 0
"""Index of a vocabulary's unknown value."""

ID_FIELD = "id"
"""Name of the field that holds an item's id, where the id is a field."""

MAX_DEVIATIONS = 10.0
"""Where a standardised number is cut off: a slip of the keyboard must not drown all else that is known of a user."""


class EncodedRows:
    """The encoded attributes of some users or items, one tensor a field, all with the same first dimension.

    Categorical fields are int64 [rows], multi-valued ones and texts int64 [rows, values] padded with `UNKNOWN`,
    continuous ones float32 [rows, 2] (standardised value, 1 where it is unknown).
    """

    def __init__(self, fields: dict[str, Tensor], count: int) -> None:
        self.fields = fields
        self._count = count

    def __len__(self) -> int:
        return self._count

    def take(self, rows: Tensor) -> "EncodedRows":
        """The given rows (int64 [n]), in that order."""
        return EncodedRows({name: values[rows] for name, values in self.fields.items()}, len(rows))

    def to(self, device: torch.device) -> "EncodedRows":
        """The same rows on another device."""
        return EncodedRows({name: values.to(device) for name, values in self.fields.items()}, len(self))


class FieldEncoder(BaseModel, ABC):
    """Encodes one field.

    Attributes:
        name: The field's.
        embed: Whether it is an input of the embedding layers (`AttributeField.embed`).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    embed: bool = True

    @classmethod
    @abstractmethod
    def fit(cls, field: AttributeField, column: pl.Series) -> Self:
        """Learn the vocabulary or scale from the field's values in the training rows."""

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> Tensor:
        """Encode the values of some rows, None being unknown; never fails on one that was not seen in training."""

    @abstractmethod
    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """The encoded values with the unknown value in the rows where `dropped` (bool [rows]) is set."""


class VocabularyEncoder(FieldEncoder):
    """What fields of categories have in common.

    Attributes:
        values: The distinct values, most frequent first, ties by name: independent of the rows' order.
        rare: How many of them, from the last, occur too rarely to be embedded (`AttributeField.min_count`).
    """

    values: tuple[str, ...]
    rare: int = 0

    @property
    def frequent(self) -> int:
        """How many of the values, from the first, are embedded."""
        return len(self.values) - self.rare

    @classmethod
    def _of_values(cls, field: AttributeField, values: Sequence[str]) -> Self:
        counts = Counter(values)
        return cls(
            name=field.name,
            embed=field.embed,
            values=tuple(sorted(counts, key=lambda value: (-counts[value], value))),
            rare=sum(count < field.min_count for count in counts.values()),
        )

    @cached_property
    def index_of(self) -> dict[str, int]:
        """The index of each value."""
        return {value: index for index, value in enumerate(self.values, start=UNKNOWN + 1)}

    def _padded(self, rows: Iterable[Iterable[str]]) -> Tensor:
        """The indices of each row's distinct known values, padded with `UNKNOWN` to the longest."""
        index_of = self.index_of
        known = [[index_of[value] for value in dict.fromkeys(row) if value in index_of] for row in rows]
        encoded = np.full((len(known), max(map(len, known), default=1) or 1), UNKNOWN, dtype=np.int64)
        for row, indices in enumerate(known):
            encoded[row, : len(indices)] = indices
        return torch.from_numpy(encoded)


class CategoricalEncoder(VocabularyEncoder):
    """A category → its index; int64 [rows]."""

    kind: Literal[FieldKind.CATEGORICAL] = FieldKind.CATEGORICAL

    @classmethod
    def fit(cls, field: AttributeField, column: pl.Series) -> Self:
        """Learn the categories."""
        return cls._of_values(field, column.drop_nulls().to_list())

    def encode(self, values: Sequence[str | None]) -> Tensor:
        """Look up each category."""
        indices = [UNKNOWN if value is None else self.index_of.get(value, UNKNOWN) for value in values]
        return torch.tensor(indices, dtype=torch.int64)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is index 0."""
        return encoded.masked_fill(dropped, UNKNOWN)


class MultiValuedEncoder(VocabularyEncoder):
    """Several categories → their indices, padded; int64 [rows, most values of a row, at least 1].

    Values that training never saw are left out; a row with none left is all padding, which is the unknown value.
    """

    kind: Literal[FieldKind.MULTI_VALUED] = FieldKind.MULTI_VALUED

    @classmethod
    def fit(cls, field: AttributeField, column: pl.Series) -> Self:
        """Learn the categories."""
        return cls._of_values(field, column.explode().drop_nulls().to_list())

    def encode(self, values: Sequence[Sequence[str] | None]) -> Tensor:
        """Look up each row's categories."""
        return self._padded(row or () for row in values)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is a row of padding."""
        return encoded.masked_fill(dropped.unsqueeze(-1), UNKNOWN)


class ContinuousEncoder(FieldEncoder):
    """A number → (its standardised value, 0) or, unknown, (0, 1); float32 [rows, 2].

    Values are cut off at `MAX_DEVIATIONS` on either side.
    """

    kind: Literal[FieldKind.CONTINUOUS] = FieldKind.CONTINUOUS
    mean: float
    deviation: float

    @classmethod
    def fit(cls, field: AttributeField, column: pl.Series) -> Self:
        """Learn mean and standard deviation; a constant column gets deviation 1."""
        known = column.drop_nulls().to_numpy()
        if not known.size:
            return cls(name=field.name, embed=field.embed, mean=0.0, deviation=1.0)
        # Rounding may leave a constant column a deviation that is not quite 0.
        deviation = float(known.std()) if known.min() < known.max() else 1.0
        return cls(name=field.name, embed=field.embed, mean=float(known.mean()), deviation=deviation)

    def encode(self, values: Sequence[float | None]) -> Tensor:
        """Standardise."""
        numbers = np.array(values, dtype=np.float64)  # None becomes NaN
        unknown = np.isnan(numbers)
        standardised = ((numbers - self.mean) / self.deviation).clip(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        encoded = np.stack([np.where(unknown, 0.0, standardised), unknown], axis=1)
        return torch.from_numpy(encoded.astype(np.float32))

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is (0, 1)."""
        return torch.where(dropped.unsqueeze(-1), encoded.new_tensor([0.0, 1.0]), encoded)


class TextEncoder(VocabularyEncoder):
    """A text → the indices of its distinct words, padded; int64 [rows, most words of a row, at least 1].

    Words that training saw in one row only are left out, as are the commonest English ones.

    Attributes:
        weights: How much each word tells, one a value: its inverse document frequency `1 + ln((1 + n)/(1 + n_word))`
            over the n training rows (Spärck Jones 1972, smoothed).
    """

    kind: Literal[FieldKind.TEXT] = FieldKind.TEXT
    weights: tuple[float, ...]

    @classmethod
    def fit(cls, field: AttributeField, column: pl.Series) -> Self:
        """Learn the words, and in how many rows each occurs."""
        counts = Counter(word for text in column.drop_nulls().to_list() for word in set(_words(text)))
        words = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
        return cls(
            name=field.name,
            embed=field.embed,
            values=tuple(words),
            rare=sum(counts[word] < field.min_count for word in words),
            weights=tuple(1.0 + math.log((1 + len(column)) / (1 + counts[word])) for word in words),
        )

    def encode(self, values: Sequence[str | None]) -> Tensor:
        """Look up each row's words."""
        return self._padded(_words(text or "") for text in values)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is a row of padding."""
        return encoded.masked_fill(dropped.unsqueeze(-1), UNKNOWN)


_words = CountVectorizer(stop_words="english").build_analyzer()
"""The words of a text, in lower case."""


_ENCODERS: dict[FieldKind, type[FieldEncoder]] = {
    FieldKind.CATEGORICAL: CategoricalEncoder,
    FieldKind.MULTI_VALUED: MultiValuedEncoder,
    FieldKind.CONTINUOUS: ContinuousEncoder,
    FieldKind.TEXT: TextEncoder,
}

AnyFieldEncoder = Annotated[
    CategoricalEncoder | MultiValuedEncoder | ContinuousEncoder | TextEncoder, Field(discriminator="kind")
]


class FeatureEncoder(BaseModel):
    """Encodes the users or the items: one encoder a field."""

    model_config = ConfigDict(frozen=True)

    fields: tuple[AnyFieldEncoder, ...]

    @classmethod
    def fit(cls, fields: Sequence[AttributeField], training_rows: pl.DataFrame) -> Self:
        """Fit every field on rows that training may see.

        Args:
            fields: The schema's fields of the users or items.
            training_rows: An entity table (`models.data.dataset.Entities.table`) cut to those rows.
        """
        return cls.model_validate(
            {"fields": [_ENCODERS[field.kind].fit(field, training_rows[field.name]) for field in fields]}
        )

    def encode(self, table: pl.DataFrame) -> EncodedRows:
        """Encode the rows of an entity table."""
        return EncodedRows(
            {field.name: field.encode(table[field.name].to_list()) for field in self.fields}, table.height
        )

    def encode_values(self, rows: Sequence[Mapping[str, AttributeValue]]) -> EncodedRows:
        """Encode plain values, such as those of a request: the same as by a table, without building one.

        Args:
            rows: Attributes by field; those that are missing are unknown, others are ignored.
        """
        columns: dict[str, list[Any]] = {field.name: [row.get(field.name) for row in rows] for field in self.fields}
        return EncodedRows({field.name: field.encode(columns[field.name]) for field in self.fields}, len(rows))

    def drop_fields(
        self, rows: EncodedRows, probability: float, generator: torch.Generator, *, keep: str | None = None
    ) -> EncodedRows:
        """Make each field of each row unknown with a probability, so that training meets the unknown value.

        Args:
            rows: The rows.
            probability: Of each field in each row.
            generator: Draws.
            keep: Name of a field that stays as it is.
        """
        fields = dict(rows.fields)
        for field in self.fields:
            if field.name == keep:
                continue
            encoded = rows.fields[field.name]
            draws = torch.rand(len(rows), generator=generator, device=generator.device)
            fields[field.name] = field.forget(encoded, (draws < probability).to(encoded.device))
        return EncodedRows(fields, len(rows))
