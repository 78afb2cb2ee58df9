"""The users, items and ratings in the database, as a data set."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.stored_dataset import StoredDatasetRepository
from models.data.attribute_values import known_attributes
from models.data.dataset import Dataset, Entities, Ratings
from models.data.entity_table import entity_table
from models.data.merging import merge_datasets
from models.data.schema import DatasetSchema, EntitySource

logger = logging.getLogger(__name__)


async def read_stored_dataset(
    database: Database, schema: DatasetSchema, *, older: Dataset | None = None, batch_read: Callable[[], None]
) -> Dataset:
    """Read users, items and ratings, all of one moment, as a data set of this schema.

    Users and items are ordered by id, a user's ratings by time. Attributes that do not fit the schema become unknown.
    Ratings off the scale, which another schema allowed, are left out and logged.

    Args:
        database: The database.
        schema: The schema of the data set.
        older: A data set of the same schema to add, without items that were deleted from the catalogue. Attributes of
            the database win, and of two ratings of an item by a user the later.
        batch_read: Called after each batch. An exception from it stops the reading.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
    """
    async with database.snapshot() as session:
        collected = StoredDatasetRepository(session)
        users = await _entities(collected.users(), schema.users, batch_read)
        items = await _entities(collected.items(), schema.items, batch_read)
        ratings = await _ratings(collected.ratings(), users, items, schema, batch_read)
        deleted = [item_id async for batch in collected.deleted_item_ids() for (item_id,) in batch]
    dataset = Dataset(schema=schema, users=users, items=items, ratings=ratings)
    return dataset if older is None else merge_datasets(dataset, older, without_items=deleted)


def load_stored_dataset(
    settings: Settings, schema: DatasetSchema, *, older: Dataset | None = None, batch_read: Callable[[], None]
) -> Dataset:
    """`read_stored_dataset` from the database of these settings, for threads without an event loop."""

    async def read() -> Dataset:
        async with open_database(settings.database_url.get_secret_value()) as database:
            return await read_stored_dataset(database, schema, older=older, batch_read=batch_read)

    return asyncio.run(read())


async def _entities(
    batches: AsyncIterator[Sequence[tuple[str, str | None, dict[str, Any]]]],
    source: EntitySource,
    batch_read: Callable[[], None],
) -> Entities:
    tables = [entity_table(source.fields, []).table]
    async for batch in batches:
        rows = [(entity_id, title, known_attributes(attributes, source)) for entity_id, title, attributes in batch]
        tables.append(entity_table(source.fields, rows).table)
        batch_read()
    return Entities(pl.concat(tables).sort("id"))


async def _ratings(
    batches: AsyncIterator[Sequence[tuple[str, str, float, datetime]]],
    users: Entities,
    items: Entities,
    schema: DatasetSchema,
    batch_read: Callable[[], None],
) -> Ratings:
    """The ratings as arrays, built batch by batch, because tuples take much more memory."""
    tables = [pl.DataFrame(schema={"user": pl.Int32, "item": pl.Int32, "value": pl.Float64, "time": pl.Int64})]
    user_rows, item_rows = users.row_of, items.row_of
    async for batch in batches:
        user_ids, item_ids, values, moments = zip(*batch, strict=True)
        tables.append(
            pl.DataFrame(
                {
                    "user": np.array([user_rows[user_id] for user_id in user_ids], dtype=np.int32),
                    "item": np.array([item_rows[item_id] for item_id in item_ids], dtype=np.int32),
                    "value": np.array(values, dtype=np.float64),
                    "time": np.array([moment.timestamp() // 1 for moment in moments], dtype=np.int64),
                }
            )
        )
        batch_read()
    everything = pl.concat(tables)
    scale = schema.rating_scale
    levels = [value for value in everything["value"].unique() if scale is not None and scale.contains(value)]
    ratings = everything.filter(pl.col("value").is_in(levels)).sort("user", "time", "item")
    if left_out := len(everything) - len(ratings):
        logger.warning("%d ratings are not on the scale %s and are left out.", left_out, scale)
    return Ratings.from_columns(
        user_count=len(users),
        users=ratings["user"].to_numpy(),
        items=ratings["item"].to_numpy(),
        values=ratings["value"].cast(pl.Float32).to_numpy(),
        times=ratings["time"].to_numpy(),
    )
