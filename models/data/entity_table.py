"""Making a table of users or items from plain values."""

from collections.abc import Mapping, Sequence

import polars as pl

from models.data.dataset import Entities
from models.fields import AttributeField, AttributeValue, field_type


def entity_table(
    fields: Sequence[AttributeField], rows: Sequence[tuple[str, str | None, Mapping[str, AttributeValue]]]
) -> Entities:
    """Make a table of users or items from plain values, such as those of a database.

    Args:
        fields: The fields of the schema.
        rows: Id, title and attributes of each row. Missing attributes are unknown; attributes without a field are
            ignored.
    """
    columns = {
        field.name: pl.Series(
            field.name,
            [attributes.get(field.name) for _, _, attributes in rows],
            dtype=field_type(field).polars_type,
        )
        for field in fields
    }
    return Entities(
        pl.DataFrame(
            {
                "id": pl.Series("id", [entity_id for entity_id, _, _ in rows], dtype=pl.String),
                "title": pl.Series("title", [title for _, title, _ in rows], dtype=pl.String),
                **columns,
            }
        )
    )
