"""Encoding all attributes of users or items as tensors."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import polars as pl
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.fields import AnyField, AttributeField, AttributeValue, EncodingConfig, field_type

ID_FIELD = "id"
"""Name of the field with an item's id."""


class EncodedRows:
    """The encoded attributes of some users or items: one tensor per field, from the field's `encode`.

    The first dimension of every tensor is the rows.
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


class FeatureEncoder(BaseModel):
    """Encodes the users or the items, field by field."""

    model_config = ConfigDict(frozen=True)

    fields: tuple[AnyField, ...]

    @classmethod
    def fit(
        cls,
        fields: Sequence[AttributeField],
        training_rows: pl.DataFrame,
        config: EncodingConfig = EncodingConfig(),  # noqa: B008 - it cannot be changed
    ) -> Self:
        """Fit every field on the training rows.

        Args:
            fields: The fields of the users or items.
            training_rows: The training rows of an entity table (`models.data.dataset.Entities.table`).
            config: How values become numbers.
        """
        return cls.model_validate(
            {"fields": [field_type(field).fit(field, training_rows[field.name], config) for field in fields]}
        )

    def encode(self, table: pl.DataFrame) -> EncodedRows:
        """Encode the rows of an entity table."""
        return EncodedRows({field.name: field.encode(table[field.name]) for field in self.fields}, table.height)

    def encode_values(self, rows: Sequence[Mapping[str, AttributeValue]]) -> EncodedRows:
        """Encode plain values, such as those of a request, as `encode` does, without a table.

        Args:
            rows: Attributes by field. Missing attributes are unknown; attributes without a field are ignored.
        """
        columns: dict[str, list[Any]] = {field.name: [row.get(field.name) for row in rows] for field in self.fields}
        return EncodedRows({field.name: field.encode(columns[field.name]) for field in self.fields}, len(rows))

    def forget(self, rows: EncodedRows, chosen: Tensor) -> EncodedRows:
        """Make all fields of the chosen rows (bool [rows]) unknown."""
        fields = {field.name: field.forget(rows.fields[field.name], chosen) for field in self.fields}
        return EncodedRows(fields, len(rows))

    def drop_fields(
        self, rows: EncodedRows, probability: float, generator: torch.Generator, *, keep: str | None = None
    ) -> EncodedRows:
        """Field dropout: make fields unknown at random, so that training learns the unknown values.

        Args:
            rows: The rows.
            probability: The probability that a field of a row becomes unknown.
            generator: Draws the fields.
            keep: Name of a field that is not changed.
        """
        fields = dict(rows.fields)
        for field in self.fields:
            if field.name == keep:
                continue
            encoded = rows.fields[field.name]
            draws = torch.rand(len(rows), generator=generator, device=generator.device)
            fields[field.name] = field.forget(encoded, (draws < probability).to(encoded.device))
        return EncodedRows(fields, len(rows))
