"""DatasetImporter a data set's users, items and ratings into the service, in batches."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from app.services.item_conversion import to_records
from app.storage import clock
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.data.dataset import Dataset

_BATCH = 500

Progress = Callable[[int], None]
"""Called after every committed batch with its number of items, users or ratings."""


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
        async with self._database.read() as session:
            now = await clock.now(session)
        offsets = dataset.ratings.offsets
        for batch in _batches(len(dataset.users)):
            async with self._database.write() as session:
                ratings = [
                    rating for row in range(batch.start, batch.stop) for rating in _ratings_of(dataset, row, now)
                ]
                if ratings:
                    await UserRepository(session).save(dict.fromkeys(user_id for user_id, _ in ratings))
                    await RatingRepository(session).save(ratings)
            progress(int(offsets[batch.stop] - offsets[batch.start]))


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, _BATCH):
        yield slice(start, min(start + _BATCH, count))


def _ratings_of(dataset: Dataset, user: int, now: datetime) -> list[tuple[str, RatingRecord]]:
    """One user's ratings, each with the user's id. In a data set without times, they were made now."""
    ratings = dataset.ratings
    return [
        (
            dataset.users.ids[user],
            RatingRecord(
                item_id=dataset.items.ids[ratings.items[row]],
                rating=float(ratings.values[row]),
                rated_at=now if ratings.times is None else datetime.fromtimestamp(int(ratings.times[row]), UTC),
            ),
        )
        for row in range(ratings.offsets[user], ratings.offsets[user + 1])
    ]
