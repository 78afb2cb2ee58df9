"""A converted data set is what the usual reader reads; malformed files are refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.data import large
from models.data.large import convert_ratings
from models.data.malformed import DataError
from models.data.reader import read_dataset

SCHEMA = """
name = "films"

[rating_scale]
minimum = 1
maximum = 5

[ratings]
user = "user"
item = "item"
rating = "stars"
time = "at"
[[ratings.files]]
path = "ratings.csv"
[[ratings.files]]
path = "ratings.parquet"

[users]
id = "user"
[[users.files]]
path = "users.csv"
[[users.fields]]
name = "country"
kind = "categorical"
"""


def write(directory: Path, ratings: str, users: str = "user,country\nbob,AT\neve,DE\n") -> Path:
    directory.mkdir()
    (directory / "schema.toml").write_text(SCHEMA)
    (directory / "users.csv").write_text(users)
    (directory / "ratings.csv").write_text("user,item,stars,at\n" + ratings)
    return directory


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """500 ratings by 40 users in random order."""
    generator = np.random.default_rng(0)
    pairs = generator.permutation(40 * 25)[:500]
    lines = [f"u{pair % 40},i{pair // 40},{generator.integers(1, 6)},{1_000_000_000 + pair}" for pair in pairs]
    return write(tmp_path / "many", "\n".join(lines) + "\n")


@pytest.mark.parametrize("rows_at_once", [7, 1_000_000])
@pytest.mark.parametrize("parquet", [False, True])
def test_converted_dataset_is_what_the_reader_reads(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int, *, parquet: bool
) -> None:
    monkeypatch.setattr(large, "_ROWS_AT_ONCE", rows_at_once)
    if parquet:
        pl.read_csv(many / "ratings.csv").write_parquet(many / "ratings.parquet")
        (many / "ratings.csv").unlink()
    assert convert_ratings(many, tmp_path / "arrays") == 500
    expected, (converted, skipped) = read_dataset(many)[0], read_dataset(tmp_path / "arrays")
    assert not skipped
    assert converted.fingerprint == expected.fingerprint
    assert converted.schema == expected.schema
    assert not (tmp_path / "arrays.new").exists()


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ("", "no ratings"),
        (",film,3,1\n", "1 rows have no user"),
        ("bob,,3,1\n", "1 rows have no item"),
        ("bob,film,good,1\neve,film,,1\n", "2 rows have no rating"),
        ("bob,film,7,1\n", "rating 7 is not on the scale"),
        ("bob,film,3,1000000000000\n", "1 rows have a time that is no whole number"),
        ("bob,film,3,\n", "1 rows have a time that is no whole number"),
        ("bob,film,3,1\nbob,film,4,2\n", "1 ratings or more are of an item that their user has rated already"),
    ],
)
def test_malformed_file_is_refused_and_leaves_nothing(tmp_path: Path, ratings: str, reason: str) -> None:
    data = write(tmp_path / "data", ratings)
    with pytest.raises(DataError, match=reason):
        convert_ratings(data, tmp_path / "arrays")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_malformed_users_are_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data", "bob,film,3,1\n", users="user,country\n,AT\n")
    with pytest.raises(DataError, match="malformed rows"):
        convert_ratings(data, tmp_path / "arrays")


def test_existing_directory_is_refused(many: Path, tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    with pytest.raises(DataError, match="exists already"):
        convert_ratings(many, tmp_path / "arrays")
