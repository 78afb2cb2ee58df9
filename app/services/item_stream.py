"""Very many items in one request: read one after the other, stored in chunks, what is wrong told line by line."""

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
"""A chunk is a transaction and a catalogue version: large enough that replicas follow seldom, small enough that other
writers do not wait long, and bounded in memory however long its lines are."""

_MOST_ERRORS = 100


@dataclass(frozen=True)
class GivenLine:
    """A line of the stream, counted from 1.

    Attributes:
        number: Of the line.
        size: In bytes.
        item: What it holds, if it could be read.
        faults: Why it could not.
    """

    number: int
    size: int
    item: ItemRecord | None
    faults: Sequence[FieldError] = ()


@dataclass(frozen=True)
class LineError:
    """Which field of which line is wrong, and why; the item's id is None if it could not be read."""

    line: int
    item_id: str | None
    field: str
    reason: str


@dataclass
class StreamReport:
    """What became of a stream's lines; empty ones do not count.

    Attributes:
        lines: All of them: created, updated, unchanged and rejected ones.
        created: Items that were not in the catalogue.
        updated: Items that were otherwise.
        unchanged: Items that were so already.
        rejected: Lines of which nothing was stored.
        error_count: Wrong fields in those lines.
        errors: The first of them.
    """

    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    error_count: int = 0
    errors: list[LineError] = field(default_factory=list)

    def reject(self, line: GivenLine, faults: Sequence[FieldError]) -> None:
        """Count a line that is wrong."""
        self.lines += 1
        self.rejected += 1
        self.error_count += len(faults)
        item_id = None if line.item is None else line.item.id
        room = _MOST_ERRORS - len(self.errors)
        self.errors += [LineError(line.number, item_id, fault.field, fault.reason) for fault in faults[:room]]

    def count(self, saved: Saved) -> None:
        """Count a chunk that is stored."""
        self.lines += saved.created + saved.updated + saved.unchanged
        self.created += saved.created
        self.updated += saved.updated
        self.unchanged += saved.unchanged


class ItemStreamService:
    """Stores items as they arrive; the next request sees every chunk that is stored."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def put(self, lines: AsyncIterator[GivenLine]) -> StreamReport:
        """Create or replace items until the lines end; good ones are stored, bad ones told.

        No more than a chunk is held at a time. If the lines break off, the chunks before stay stored; what is sent
        again and was stored changes nothing.

        Raises:
            NoActiveModelError: If no model is being served, and so there is no schema; nothing is read.
            DatabaseUnavailableError: If the database cannot be reached any more.
        """
        source = (await self._host.current()).schema.items
        report = StreamReport()
        chunk: list[ItemRecord] = []
        size = 0
        async for line in lines:
            if line.item is None:
                report.reject(line, line.faults)
            elif faults := attribute_errors(line.item.attributes, source):
                report.reject(line, faults)
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
