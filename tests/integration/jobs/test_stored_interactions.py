"""Stored interactions in the data set that is read from the database."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from app.jobs.stored_dataset import read_stored_dataset
from app.services.imports import DatasetImporter
from app.storage.database import Database
from app.storage.feedback import FeedbackRepository
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.data.schema import A_RATING, DatasetSchema

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def imported(database: Database, purchases_dir: Path) -> Dataset:
    """The data set of interactions, after an import into the database."""
    dataset, _ = read_dataset(purchases_dir)
    importing = DatasetImporter(database)
    for store in (importing.items, importing.users, importing.ratings, importing.interactions):
        await store(dataset, lambda _: None)
    return dataset


async def read(database: Database, schema: DatasetSchema) -> Dataset:
    return await read_stored_dataset(database, schema, batch_read=lambda: None)


def rows(dataset: Dataset) -> pl.DataFrame:
    """What the users did, by ids."""
    ratings = dataset.ratings
    assert ratings.times is not None
    kinds = np.full(len(ratings), A_RATING, np.int8) if ratings.kinds is None else ratings.kinds
    return pl.DataFrame(
        {
            "user": [dataset.users.ids[user] for user in ratings.users],
            "item": [dataset.items.ids[item] for item in ratings.items],
            "value": ratings.values,
            "kind": kinds,
            "time": ratings.times,
        }
    ).sort("user", "item")


async def count_of(database: Database) -> int:
    async with database.read() as session:
        users = [f"u{user}" for user in range(120)]
        feedback = await FeedbackRepository(session).of_users(users, seen_since=datetime.now(UTC))
        return sum(len(each.interactions) for each in feedback.values())


async def test_stored_interactions_after_an_import_equal_the_imported_ones(
    database: Database, imported: Dataset
) -> None:
    stored = await read(database, imported.schema)

    assert stored.ratings.kinds is not None
    assert rows(stored).equals(rows(imported))


async def test_import_of_interactions_again_changes_nothing(database: Database, imported: Dataset) -> None:
    before, counts = await count_of(database), list[int]()

    await DatasetImporter(database).interactions(imported, counts.append)

    assert sum(counts) == before == await count_of(database)


async def test_stored_interactions_count_as_in_lists(
    database: Database, imported: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    def did(event_id: str, item_id: str, kind: str, hours: int) -> tuple[str, InteractionEvent]:
        return "ada", InteractionEvent(item_id, kind, NOON + timedelta(hours=hours), event_id)

    async with database.write() as session:
        await UserRepository(session).save({"ada": {}})
        await InteractionRepository(session).save(
            [
                did("1", "i1", "purchase", 0),
                did("2", "i1", "view", 1),  # weaker
                did("3", "i2", "purchase", 0),
                did("4", "i2", "dislike", 1),  # as strong and later
                did("5", "i3", "rent", 0),  # of no kind of the schema
            ]
        )

    with caplog.at_level(logging.WARNING):
        dataset = await read(database, imported.schema)

    kinds = list(imported.schema.kinds)
    mine = rows(dataset).filter(user="ada").select("item", "kind", "time").rows()
    noon = int(NOON.timestamp())
    assert mine == [("i1", kinds.index("purchase"), noon), ("i2", kinds.index("dislike"), noon + 3600)]
    assert "1 interactions are of none of the kinds view, purchase, dislike" in caplog.text


async def test_a_rating_counts_instead_of_a_stored_interaction(
    database: Database, imported: Dataset, dataset_dir: Path
) -> None:
    schema = read_dataset(dataset_dir)[0].schema
    async with database.write() as session:
        await UserRepository(session).save({"ada": {}})
        await RatingRepository(session).save([("ada", RatingRecord("i1", 4, NOON))])
        await InteractionRepository(session).save(
            [
                ("ada", InteractionEvent("i1", "dislike", NOON + timedelta(hours=1), "1")),
                ("ada", InteractionEvent("i2", "purchase", NOON, "2")),
            ]
        )

    mine = rows(await read(database, schema)).filter(user="ada").select("item", "value", "kind").rows()

    assert mine == [("i1", 4.0, A_RATING), ("i2", 1.0, list(schema.kinds).index("purchase"))]
    assert imported.ratings.kinds is not None
