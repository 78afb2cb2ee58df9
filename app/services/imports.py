"""Imports a data set's users, items, ratings and interactions into the service, in batches."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid5

from app.services.item_conversion import to_records
from app.storage import clock
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.dataset import UNKNOWN_TIME, Dataset

_BATCH = 500

_EVENTS = UUID("5f1d7c52-2d5e-4a43-9d0c-64c1f3f0a6c8")
"""The namespace of the event ids of imported interactions."""

Progress = Callable[[int], None]
"""Called after every committed batch with its number of items, users, ratings or interactions."""


class DatasetImporter:
    """Adds a data set to what is stored. Importing it again changes nothing.

    Each batch is a transaction, so an interrupted import can be run again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, dataset: Dataset, progress: Progress) -> None:
        """Create or replace the data set's items."""
        records = list(to_records(dataset.items))
        for batch in _batches(len(records)):
            async with self._database.write() as session:
                await ItemRepository(session).save_differing(records[batch])
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
