"""The schema that is inferred from a catalogue."""

from pathlib import Path

import polars as pl
import pytest

from models.data.inferred_schema import inferred_schema
from models.data.malformed import DataError
from models.data.schema import DEFAULT_KINDS

ROWS = {
    "sku": ["a/1", "b", "c", "d"],
    "Name": ["Red mug", "Blue mug", "Tea", "Green tea"],
    "price": [3.5, 4.0, 2.0, None],
    "tags": ["kitchen|mug", "kitchen", "drink", "drink|green"],
    "about": ["a red mug for tea", "a blue mug, for tea", "black tea, from the hills", "green tea from an island"],
    "colour": ["red", "blue", "black", "red"],
    "category": [3, 3, 4, 5],
    "barcode_text": ["x1", "x2", "x3", "x4"],
    "constant": ["same"] * 4,
}


def fields_of(path: Path) -> dict[str, str]:
    return {field.name: field.kind.value for field in inferred_schema(path).items.fields}


def test_columns_become_fields_of_the_kinds_that_their_values_suggest(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "shop.csv")
    schema = inferred_schema(tmp_path / "shop.csv")
    assert (schema.name, schema.items.id, schema.items.title) == ("shop", "sku", "Name")
    assert schema.kinds == DEFAULT_KINDS
    assert fields_of(tmp_path / "shop.csv") == {
        "price": "continuous",
        "tags": "multi_valued",
        "about": "text",
        "colour": "categorical",
        "category": "categorical",
    }


def test_parquet_and_tab_separated_files_are_read_like_csv(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_csv(tmp_path / "shop.csv")
    pl.DataFrame(ROWS).write_csv(tmp_path / "shop.tsv", separator="\t")
    pl.DataFrame(ROWS).write_parquet(tmp_path / "shop.parquet")
    assert fields_of(tmp_path / "shop.tsv") == fields_of(tmp_path / "shop.csv") == fields_of(tmp_path / "shop.parquet")


def test_column_with_a_reserved_name_gets_another_name(tmp_path: Path) -> None:
    pl.DataFrame({"product": ["a", "b"], "rating_count": [3, 4]}).write_csv(tmp_path / "shop.csv")
    (field,) = inferred_schema(tmp_path / "shop.csv").items.fields
    assert (field.name, field.column) == ("rating_count_", "rating_count")


@pytest.mark.parametrize(("text", "reason"), [("id,name\n", "no items"), ("", "cannot be read")])
def test_file_without_items_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "shop.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        inferred_schema(tmp_path / "shop.csv")
