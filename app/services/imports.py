"""Imports a data set's users, items, ratings and interactions into the service, in batches."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import polars as pl
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.lists.item_conversion import to_records
from app.storage import clock
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.accepted import Accepted
from models.data.dataset import UNKNOWN_TIME, Dataset
from models.data.malformed import DataError
from models.data.schema import DatasetSchema, EntitySource

_BATCH = 500


class Imported(StrEnum):
    """The parts of a data set that can be imported."""

    ITEMS = "items"
    USERS = "users"
    RATINGS = "ratings"
    INTERACTIONS = "interactions"


def part_of(schema: DatasetSchema, what: Imported) -> DatasetSchema:
    """The schema of what an import needs: faults elsewhere in the data set are not its business.

    Raises:
        DataError: The data set has no such part.
    """
    alone: dict[str, Any] = {"users": EntitySource(), "items": EntitySource()}
    if what is Imported.RATINGS:
        alone |= {"interactions": None}
    elif what is Imported.INTERACTIONS:
        alone |= {"ratings": None, "rating_scale": None}
    else:
        return schema
    if getattr(schema, what) is None:
        raise DataError(f"the schema of {schema.name} names no {what}: there is nothing to import")
    return schema.model_copy(update=alone)


async def accepted_by(database: Database, what: Imported) -> Accepted:
    """What the service accepts of a data set: the same as in requests.

    Without an active model, ratings and attributes are only checked against the schema of the data set.

    Raises:
        DataError: The active model takes no ratings.
    """
    async with database.read() as session:
        schema = await _active_schema(session)
        if what is Imported.ITEMS:
            return Accepted(items=None if schema is None else schema.items)
        if what is Imported.USERS:
            return Accepted(users=None if schema is None else schema.users)
        item_ids = pl.Series(await ItemRepository(session).catalogue_ids(), dtype=pl.String)
    if what is Imported.INTERACTIONS:
        return Accepted(kinds=None if schema is None else schema.kinds, item_ids=item_ids)
    if schema is not None and schema.rating_scale is None:
        raise DataError("the active model takes no ratings: import interactions")
    return Accepted(rating_scale=None if schema is None else schema.rating_scale, item_ids=item_ids)


_EVENTS = UUID("5f1d7c52-2d5e-4a43-9d0c-64c1f3f0a6c8")
"""The namespace of the event ids of imported interactions."""

Progress = Callable[[int], None]
"""Called after every committed batch with its number of items, users, ratings or interactions."""


async def _active_schema(session: AsyncSession) -> DatasetSchema | None:
    active = (await CurrentVersionsRepository(session).current()).model_version
    version = None if active is None else await ModelVersionRepository(session).get(active)
    try:
        return None if version is None else DatasetSchema.model_validate(version.manifest["data_schema"])
    except ValidationError:
        return None  # an older release wrote it


class DatasetImporter:
    """Adds a data set to what is stored. Importing it again changes nothing.

    Each batch is a transaction, so an interrupted import can be run again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, dataset: Dataset, progress: Progress) -> None:
        """Create or replace the data set's items. Hidden ones stay hidden: a data set does not say it."""
        records = list(to_records(dataset.items))
        for batch in _batches(len(records)):
            async with self._database.write() as session:
                await ItemRepository(session).save_differing(records[batch], keep_availability=True)
            progress(batch.stop - batch.start)

    async def users(self, dataset: Dataset, progress: Progress) -> None:
        """Create the data set's users, or replace their attributes."""
        records = list(to_records(dataset.users))
        for batch in _batches(len(records)):
            async with self._database.write() as session:
                await UserRepository(session).save({record.id: record.attributes for record in records[batch]})
            progress(batch.stop - batch.start)

    async def ratings(self, dataset: Dataset, progress: Progress) -> None:
        """Store the data set's ratings, and create users as needed. Of two ratings of an item the later is kept."""
        now, rated = await self._now(), dataset.ratings.rated
        for batch in _batches(len(dataset.users)):
            ratings = [
                (
                    user_id,
                    RatingRecord(item_id, float(dataset.ratings.values[row]), now if moment is None else moment),
                )
                for row, user_id, item_id, moment in _rows_of(dataset, batch)
                if rated[row]
            ]
            if ratings:
                async with self._database.write() as session:
                    await UserRepository(session).save(dict.fromkeys(user_id for user_id, _ in ratings))
                    await RatingRepository(session).save(ratings)
            progress(len(ratings))

    async def interactions(self, dataset: Dataset, progress: Progress) -> None:
        """Store the data set's interactions, and create users as needed.

        A data set has no event ids. They are made of user, item, kind and time, so importing again changes nothing.
        """
        kinds, names = dataset.ratings.kinds, list(dataset.schema.kinds)
        if kinds is None:
            return
        now, rated = await self._now(), dataset.ratings.rated
        for batch in _batches(len(dataset.users)):
            interactions = [
                (
                    user_id,
                    InteractionEvent(
                        item_id,
                        names[kinds[row]],
                        now if moment is None else moment,
                        _event_id(item_id, names[kinds[row]], moment),
                    ),
                )
                for row, user_id, item_id, moment in _rows_of(dataset, batch)
                if not rated[row]
            ]
            if interactions:
                async with self._database.write() as session:
                    await UserRepository(session).save(dict.fromkeys(user_id for user_id, _ in interactions))
                    await InteractionRepository(session).save(interactions)
            progress(len(interactions))

    async def _now(self) -> datetime:
        async with self._database.read() as session:
            return await clock.now(session)


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, _BATCH):
        yield slice(start, min(start + _BATCH, count))


def _rows_of(dataset: Dataset, users: slice) -> Iterator[tuple[int, str, str, datetime | None]]:
    """The row, user, item and time of each rating and interaction of some users; None for an unknown time."""
    ratings = dataset.ratings
    for row in range(ratings.offsets[users.start], ratings.offsets[users.stop]):
        seconds = UNKNOWN_TIME if ratings.times is None else int(ratings.times[row])
        moment = None if seconds == UNKNOWN_TIME else datetime.fromtimestamp(seconds, UTC)
        yield row, dataset.users.ids[ratings.users[row]], dataset.items.ids[ratings.items[row]], moment


def _event_id(item_id: str, kind: str, moment: datetime | None) -> str:
    return uuid5(_EVENTS, f"{item_id}\0{kind}\0{moment}").hex
