"""The users, items, ratings and interactions in the database, as a data set."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.stored_dataset import StoredDatasetRepository
from models.data.attribute_values import known_attributes
from models.data.dataset import Dataset, Entities, Ratings
from models.data.entity_table import entity_table
from models.data.merging import merge_datasets, without_repetitions
from models.data.schema import A_RATING, DatasetSchema, EntitySource

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _MICROSECONDS = timedelta(microseconds=1), 1_000_000


async def read_stored_dataset(
    database: Database, schema: DatasetSchema, *, older: Dataset | None = None, batch_read: Callable[[], None]
) -> Dataset:
    """Read users, items, ratings and interactions, all of one moment, as a data set of this schema.

    Users and items are ordered by id, a user's ratings by time. Attributes that do not fit the schema become unknown.
    Ratings off the scale and interactions of unknown kinds, which another schema allowed, are left out and logged.

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
        ratings = await _ratings(collected, users, items, schema, batch_read)
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
    collected: StoredDatasetRepository,
    users: Entities,
    items: Entities,
    schema: DatasetSchema,
    batch_read: Callable[[], None],
) -> Ratings:
    """Ratings and interactions as arrays, one for each user and item (`without_repetitions`)."""
    rows = users.row_of, items.row_of
    scale = schema.rating_scale
    ratings = await _table(collected.ratings(), pl.Float64, *rows, batch_read)
    levels = [value for value in ratings["what"].unique() if scale is not None and scale.contains(value)]
    kept = ratings.filter(pl.col("what").is_in(levels))
    if left_out := len(ratings) - len(kept):
        logger.warning("%d ratings are not on the scale %s and are left out.", left_out, scale)
    interactions = await _table(collected.interactions(), pl.String, *rows, batch_read)
    places = {kind: place for place, kind in enumerate(schema.kinds)}
    known = interactions.filter(pl.col("what").is_in(list(places)))
    if left_out := len(interactions) - len(known):
        logger.warning("%d interactions are of none of the kinds %s and are left out.", left_out, ", ".join(places))
    everything = pl.concat(
        [
            # The kind's name orders interactions of the same moment, as in lists (`app.lists.feedback`).
            known.sort("moment", "what").with_columns(
                value=pl.col("what").replace_strict(schema.kinds, return_dtype=pl.Float32),
                kind=pl.col("what").replace_strict(places, return_dtype=pl.Int8),
            ),
            kept.with_columns(value=pl.col("what").cast(pl.Float32), kind=pl.lit(A_RATING, dtype=pl.Int8)),
        ],
        how="diagonal_relaxed",
    ).select("user", "item", "value", "kind", time=pl.col("moment").floordiv(_MICROSECONDS))
    chosen = (everything if known.is_empty() else without_repetitions(everything)).sort("user", "time", "item")
    return Ratings.from_columns(
        user_count=len(users),
        users=chosen["user"].to_numpy(),
        items=chosen["item"].to_numpy(),
        values=chosen["value"].to_numpy(),
        kinds=None if known.is_empty() else chosen["kind"].to_numpy(),
        times=chosen["time"].to_numpy(),
    )


async def _table(
    batches: AsyncIterator[Sequence[tuple[str, str, Any, datetime]]],
    what: type[pl.DataType],
    user_rows: Mapping[str, int],
    item_rows: Mapping[str, int],
    batch_read: Callable[[], None],
) -> pl.DataFrame:
    """Rows of the user and item, `what` the user did, and the `moment` in microseconds since 1970.

    It is built batch by batch, because tuples take much more memory.
    """
    tables = [pl.DataFrame(schema={"user": pl.Int32, "item": pl.Int32, "what": what, "moment": pl.Int64})]
    async for batch in batches:
        user_ids, item_ids, values, moments = zip(*batch, strict=True)
        tables.append(
            pl.DataFrame(
                {
                    "user": np.array([user_rows[user_id] for user_id in user_ids], dtype=np.int32),
                    "item": np.array([item_rows[item_id] for item_id in item_ids], dtype=np.int32),
                    "what": pl.Series(values, dtype=what),
                    "moment": np.array([(moment - _EPOCH) // _MICROSECOND for moment in moments], dtype=np.int64),
                }
            )
        )
        batch_read()
    return pl.concat(tables)
