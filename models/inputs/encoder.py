"""All fields of the users or the items together, from attributes to tensors."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import polars as pl
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.fields import AnyField, AttributeField, AttributeValue, EncodingConfig, field_type

ID_FIELD = "id"
"""Name of the field that holds an item's id, where the id is a field."""


class EncodedRows:
    """The encoded attributes of some users or items: one tensor a field, as the field's `encode` gives it.

    All have the same first dimension, the rows.
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
        """Fit every field on rows that training may see.

        Args:
            fields: The schema's fields of the users or items.
            training_rows: An entity table (`models.data.dataset.Entities.table`) cut to those rows.
            config: How values become numbers.
        """
        return cls.model_validate(
            {"fields": [field_type(field).fit(field, training_rows[field.name], config) for field in fields]}
        )

    def encode(self, table: pl.DataFrame) -> EncodedRows:
        """Encode the rows of an entity table."""
        return EncodedRows({field.name: field.encode(table[field.name]) for field in self.fields}, table.height)

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
