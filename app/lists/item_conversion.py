"""Converts items between records of the database and the table that models take."""

from collections.abc import Iterator, Sequence

from app.storage.items import ItemRecord
from models.data.attribute_values import known_attributes
from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.data.schema import EntitySource


def to_entities(items: Sequence[ItemRecord], source: EntitySource) -> Entities:
    """The items as a model with this schema takes them. Values that do not fit the schema become unknown."""
    return entity_table(
        source.fields, [(item.id, item.title, known_attributes(item.attributes, source)) for item in items]
    )


def hidden_ids(items: Sequence[ItemRecord]) -> list[str]:
    """The ids of the items that may be in no list."""
    return [item.id for item in items if not item.available]


def to_records(entities: Entities) -> Iterator[ItemRecord]:
    """The items as the database stores them."""
    for row in entities.table.iter_rows(named=True):
        item_id, title = row.pop("id"), row.pop("title")
        yield ItemRecord(item_id, title, {name: value for name, value in row.items() if value is not None})
