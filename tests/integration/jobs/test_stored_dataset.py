"""The data set read from the database equals the one read from files."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from app.jobs.stored_dataset import read_stored_dataset
from app.services.imports import DatasetImporter
from app.storage import stored_dataset
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.data.schema import DatasetSchema
from tests.csv_files import write_csv

SCHEMA = """
name = "shop"
rating_scale = { minimum = 0.5, maximum = 5, step = 0.5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "user"
item = "item"
rating = "stars"
time = "time"

[users]
id = "user"
files = [{ path = "users.csv" }]
fields = [{ name = "country", kind = "categorical" }, { name = "age", kind = "continuous" }]

[items]
id = "item"
title = "name"
files = [{ path = "items.csv" }]
fields = [{ name = "genre", kind = "multi_valued" }, { name = "plot", kind = "text" }]
"""

# Sorted by id, and a user's ratings by time, as the database returns them.
USERS = [["U 9", "fr", ""], ["u1", "", "30.5"], ["u10", "jp", "4"], ["ü", "", ""]]
ITEMS = [["I", "Film", "a|b", "Once upon a time"], ["i", "", "", ""], ["j", "No genre", "", "…"]]
RATINGS = [
    ["U 9", "i", 0.5, 100],
    ["U 9", "I", 4.5, 200],
    ["u10", "I", 5, -3600],
    ["u10", "i", 3, 1_500_000_000],
    ["ü", "i", 2.5, 7],
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data as files."""
    directory = tmp_path / "shop"
    directory.mkdir()
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    write_csv(directory / "users.csv", ["user", "country", "age"], USERS)
    write_csv(directory / "items.csv", ["item", "name", "genre", "plot"], ITEMS)
    write_csv(directory / "ratings.csv", ["user", "item", "stars", "time"], RATINGS)
    return directory


@pytest.fixture
async def imported(database: Database, directory: Path) -> Dataset:
    """The data set of the files, after an import into the database."""
    dataset, _ = read_dataset(directory)
    importing = DatasetImporter(database)
    for store in (importing.items, importing.users, importing.ratings):
        await store(dataset, lambda _: None)
    return dataset


async def read(database: Database, schema: DatasetSchema, older: Dataset | None = None) -> Dataset:
    return await read_stored_dataset(database, schema, older=older, batch_read=lambda: None)


@pytest.mark.parametrize("batch", [1, 10_000])
async def test_stored_dataset_after_an_import_equals_the_imported_one(
    database: Database, imported: Dataset, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(stored_dataset, "_BATCH", batch)

    collected = await read(database, imported.schema)

    assert collected.users.table.equals(imported.users.table)
    assert collected.items.table.equals(imported.items.table)
    assert collected.ratings.times is not None
    assert imported.ratings.times is not None
    assert collected.ratings.times.tolist() == imported.ratings.times.tolist()
    assert collected.ratings.items.dtype == imported.ratings.items.dtype
    assert collected.fingerprint == imported.fingerprint


async def test_stored_dataset_of_the_two_tastes_equals_the_imported_one(database: Database, dataset_dir: Path) -> None:
    dataset, _ = read_dataset(dataset_dir)
    importing = DatasetImporter(database)
    for store in (importing.items, importing.users, importing.ratings):
        await store(dataset, lambda _: None)

    collected = await read(database, dataset.schema)

    assert ratings_of(collected).equals(ratings_of(dataset))
    assert collected.users.table.equals(dataset.users.table.sort("id"))
    assert collected.items.table.equals(dataset.items.table.sort("id"))


def ratings_of(dataset: Dataset) -> pl.DataFrame:
    ratings = dataset.ratings
    return pl.DataFrame(
        {
            "user": dataset.users.table["id"][ratings.users],
            "item": dataset.items.table["id"][ratings.items],
            "value": ratings.values,
        }
    ).sort("user", "item")


async def test_stored_dataset_of_an_empty_database_is_empty(database: Database, directory: Path) -> None:
    schema = read_dataset(directory)[0].schema

    collected = await read(database, schema)

    assert (len(collected.users), len(collected.items), len(collected.ratings)) == (0, 0, 0)
    assert collected.items.table.columns == ["id", "title", "genre", "plot"]


async def test_stored_dataset_with_deleted_items_excludes_their_ratings(database: Database, imported: Dataset) -> None:
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        assert await ItemRepository(session).delete("I", version=version)

    collected = await read(database, imported.schema)
    with_files = await read(database, imported.schema, imported)

    for dataset in (collected, with_files):
        assert dataset.items.ids == ["i", "j"]
        assert ratings_of(dataset)["user"].to_list() == ["U 9", "u10", "ü"]


async def test_stored_dataset_with_ratings_off_the_scale_excludes_and_logs_them(
    database: Database, imported: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    scale = imported.schema.rating_scale.model_copy(update={"step": 1.0, "minimum": 1.0})

    collected = await read(database, imported.schema.model_copy(update={"rating_scale": scale}))

    assert sorted(collected.ratings.values.tolist()) == [3.0, 5.0]
    assert "3 ratings are not on the scale 1 to 5 in steps of 1" in caplog.text


async def test_stored_dataset_with_attributes_off_the_schema_makes_them_unknown(
    database: Database, imported: Dataset
) -> None:
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        odd = ItemRecord("i", "Odd", {"genre": 3, "plot": "fine", "other": "x"})
        await ItemRepository(session).save([odd], version=version)

    items = (await read(database, imported.schema)).items.table

    assert items.row(1, named=True) == {"id": "i", "title": "Odd", "genre": None, "plot": "fine"}


async def test_stored_dataset_with_an_older_data_set_merges_both(database: Database, imported: Dataset) -> None:
    async with database.write() as session:
        await UserRepository(session).save({"new": {"country": "br"}, "u10": {"country": "br"}})
        now = datetime.now(UTC)
        await RatingRepository(session).save(
            [("new", RatingRecord("j", 1.0, now)), ("u10", RatingRecord("i", 1.0, now))]
        )

    merged = await read(database, imported.schema, imported)

    assert merged.users.ids == ["U 9", "new", "u1", "u10", "ü"]
    assert merged.users.table["country"].to_list() == ["fr", "br", None, "br", None]
    rated = {(user, item): value for user, item, value in ratings_of(merged).iter_rows()}
    assert rated == {
        ("U 9", "i"): 0.5, ("U 9", "I"): 4.5, ("u10", "I"): 5, ("u10", "i"): 1, ("ü", "i"): 2.5, ("new", "j"): 1,
    }  # fmt: skip


async def test_stored_dataset_when_the_callback_raises_stops_with_that_error(
    database: Database, imported: Dataset
) -> None:
    class StopError(Exception):
        pass

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError):
        await read_stored_dataset(database, imported.schema, batch_read=stop)
