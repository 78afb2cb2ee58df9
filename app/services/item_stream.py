"""A stream of items in one request: read one by one, stored in chunks, with errors reported by line."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from app.errors import FieldError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository, Saved
from models.data.attribute_values import known_attributes
from models.data.schema import EntitySource

_CHUNK_LINES = 2000
_CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk is one transaction and one catalogue version. It is large, so that replicas need not refresh often; small, so
that other writers do not wait long; and limited in bytes, so that long lines do not fill the memory."""

_MOST_ERRORS = 100


@dataclass(frozen=True)
class GivenLine:
    """A line of the stream.

    Attributes:
        number: The line's number, from 1.
        size: Length in bytes.
        item: The item, if the line could be read.
        errors: Why it could not be read.
    """

    number: int
    size: int
    item: ItemRecord | None
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True)
class LineError:
    """Which field of which line is wrong, and why. `item_id` is None if the line could not be read."""

    line: int
    item_id: str | None
    field: str
    reason: str


@dataclass
class StreamReport:
    """The result of a stream. Empty lines do not count.

    Attributes:
        lines: All lines: created, updated, unchanged and rejected.
        created: Items that were not in the catalogue.
        updated: Items that were different.
        unchanged: Items that were the same.
        rejected: Lines that were not stored.
        error_count: Number of wrong fields in rejected lines.
        errors: The first of these errors.
    """

    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    error_count: int = 0
    errors: list[LineError] = field(default_factory=list)

    def reject(self, line: GivenLine, errors: Sequence[FieldError]) -> None:
        """Count a wrong line."""
        self.lines += 1
        self.rejected += 1
        self.error_count += len(errors)
        item_id = None if line.item is None else line.item.id
        room = _MOST_ERRORS - len(self.errors)
        self.errors += [LineError(line.number, item_id, error.field, error.reason) for error in errors[:room]]

    def count(self, saved: Saved) -> None:
        """Count a stored chunk."""
        self.lines += saved.created + saved.updated + saved.unchanged
        self.created += saved.created
        self.updated += saved.updated
        self.unchanged += saved.unchanged


class ItemStreamService:
    """Stores items as they arrive. The next request sees every stored chunk."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def put(self, lines: AsyncIterator[GivenLine]) -> StreamReport:
        """Create or replace items until the lines end. Valid items are stored, errors are reported.

        Only one chunk is in memory at a time. If the stream breaks off, the chunks before it stay stored. Sending items
        again that are stored already changes nothing.

        Raises:
            NoActiveModelError: If no model is being served: the schema is the model's. Nothing is read.
            DatabaseUnavailableError: If the database cannot be reached.
        """
        source = (await self._host.current()).schema.items
        report = StreamReport()
        chunk: list[ItemRecord] = []
        size = 0
        async for line in lines:
            if line.item is None:
                report.reject(line, line.errors)
            elif errors := attribute_errors(line.item.attributes, source):
                report.reject(line, errors)
            else:
                chunk.append(_as_stored(line.item, source))
                size += line.size
            if len(chunk) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
                report.count(await self._store(chunk))
                chunk, size = [], 0
        report.count(await self._store(chunk))
        return report

    async def _store(self, chunk: Sequence[ItemRecord]) -> Saved:
        if not chunk:
            return Saved()
        async with self._database.write() as session:
            return await ItemRepository(session).save_differing(chunk)


def _as_stored(item: ItemRecord, source: EntitySource) -> ItemRecord:
    return ItemRecord(item.id, item.title, known_attributes(item.attributes, source))
