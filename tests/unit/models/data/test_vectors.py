"""Vectors in files, in merged data sets, on disk, and in plain rows."""

from pathlib import Path

import polars as pl
import pytest

from models.data.dataset import Dataset
from models.data.entity_table import entity_table
from models.data.malformed import DataError, Fault, MalformedRow
from models.data.merging import merge_datasets
from models.data.reader import read_dataset
from models.data.saved import load_dataset, save_dataset

SCHEMA = """
name = "shop"
rating_scale = { minimum = 1, maximum = 5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "user"
item = "item"
rating = "stars"

[items]
files = [{ path = "items.csv" }, { path = "more.parquet", adds = true }]
id = "item"
fields = [{ name = "image", kind = "vector" }]
"""


def shop(directory: Path, items: str, schema: str = SCHEMA) -> Path:
    (directory / "schema.toml").write_text(schema)
    (directory / "ratings.csv").write_text("user,item,stars\nu1,p1,5\nu1,p2,3\n")
    (directory / "items.csv").write_text(items)
    return directory


def vectors(dataset: Dataset) -> dict[str, list[float] | None]:
    return dict(dataset.items.table.select("id", "image").iter_rows())


def test_csv_may_hold_json_lists_and_separated_numbers(tmp_path: Path) -> None:
    dataset, _ = read_dataset(shop(tmp_path, 'item,image\np1,"[0.1, 2]"\np3,-1|1e-3\np4,\n'))
    assert vectors(dataset) == {"p1": [0.1, 2.0], "p3": [-1.0, 0.001], "p4": None, "p2": None}


def test_schema_of_the_data_set_has_the_dimensions(tmp_path: Path) -> None:
    dataset, _ = read_dataset(shop(tmp_path, "item,image\np1,1 2 3\n"))
    assert dataset.schema.items.field("image").dimensions == 3
    assert dataset.schema.items.field("image").description == "vector of 3 numbers"


@pytest.mark.parametrize("dtype", [pl.List(pl.Float32), pl.Array(pl.Float64, 2), pl.List(pl.Int64)])
def test_parquet_may_hold_lists_and_arrays(tmp_path: Path, dtype: pl.DataType) -> None:
    directory = shop(tmp_path, "item,image\np1,0.1 0.2\n")
    frame = pl.DataFrame({"item": ["p2", "p3"], "image": pl.Series([[1, 2], None], dtype=dtype)})
    frame.write_parquet(directory / "more.parquet")
    assert vectors(read_dataset(directory)[0]) == {"p1": [0.1, 0.2], "p2": [1.0, 2.0], "p3": None}


@pytest.mark.parametrize(
    ("value", "shown"),
    [('"[1, x]"', "[1, x]"), ("1 2 3", "1 2 3"), ("1", "1"), ('"[1, nan]"', "[1, nan]"), ("[]", "[]")],
)
def test_malformed_vector_is_reported_with_its_line(tmp_path: Path, value: str, shown: str) -> None:
    directory = shop(tmp_path, f"item,image\np1,1 2\np2,{value}\np3,3 4\n")
    dataset, malformed = read_dataset(directory, malformed="skip")
    detail = f"image: '{shown}' is not a list of 2 finite numbers"
    assert malformed.examples == [MalformedRow("items.csv", 3, Fault.ATTRIBUTE, detail)]
    assert vectors(dataset) == {"p1": [1.0, 2.0], "p2": None, "p3": [3.0, 4.0]}


def test_malformed_vector_in_a_later_file_is_reported_and_cut_short(tmp_path: Path) -> None:
    directory = shop(tmp_path, "item,image\np1,1 2\n")
    pl.DataFrame({"item": ["p2"], "image": [[0.25] * 40]}).write_parquet(directory / "more.parquet")
    with pytest.raises(
        DataError, match=r"more\.parquet:1: image: '0\.25, .{50,56}…' is not a list of 2 finite numbers"
    ):
        read_dataset(directory)


def test_declared_dimensions_are_checked(tmp_path: Path) -> None:
    schema = SCHEMA.replace('kind = "vector"', 'kind = "vector", dimensions = 3')
    with pytest.raises(DataError, match=r"image: '1 2' is not a list of 3 finite numbers"):
        read_dataset(shop(tmp_path, "item,image\np1,1 2\n", schema))


def test_vectors_are_kept_in_merged_and_saved_data_sets(tmp_path: Path) -> None:
    dataset, _ = read_dataset(shop(tmp_path, "item,image\np1,1 2\np2,3 4\n"))
    newer = Dataset(
        schema=dataset.schema,
        users=dataset.users,
        items=entity_table(dataset.schema.items.fields, [("p2", None, {"image": [5.0, 6.0]}), ("p1", None, {})]),
        ratings=dataset.ratings,
    )
    merged = merge_datasets(newer, dataset)
    assert vectors(merged) == {"p2": [5.0, 6.0], "p1": [1.0, 2.0]}
    save_dataset(merged, tmp_path / "saved")
    loaded = load_dataset(tmp_path / "saved")
    assert vectors(loaded) == vectors(merged)
    assert loaded.fingerprint == merged.fingerprint
