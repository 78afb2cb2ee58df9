from collections.abc import Mapping

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.fields import AttributeValue


def items_of(model: TrainedModel, *rows: tuple[str, Mapping[str, AttributeValue]]) -> Entities:
    named = [(item_id, f"Title of {item_id}", attributes) for item_id, attributes in rows]
    return entity_table(model.schema.items.fields, named)


def test_missing_attributes_are_unknown_and_others_ignored(model: TrainedModel) -> None:
    table = items_of(model, ("a", {"year": 1990, "shoe size": "44"}), ("b", {"genre": ["x"], "year": 1.5})).table
    assert table.rows(named=True) == [
        {"id": "a", "title": "Title of a", "genre": None, "year": 1990.0},
        {"id": "b", "title": "Title of b", "genre": ["x"], "year": 1.5},
    ]


def test_entity_table_has_the_columns_of_a_table_from_files(model: TrainedModel) -> None:
    assert items_of(model).table.schema == model.items.table.schema
