"""A stream of items or users in one request: read one by one, stored in chunks, with errors reported by line."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from app.errors import FieldError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors
from app.storage.items import ItemRecord
from app.storage.saved import Saved
from app.storage.users import UserRecord
from models.data.attribute_values import known_attributes
from models.data.schema import DatasetSchema, EntitySource

_CHUNK_LINES = 2000
_CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk is one transaction, and a chunk of items is one catalogue version. It is large, so that replicas need not
refresh often; small, so that other writers do not wait long; and limited in bytes, so that long lines do not fill the
memory."""

_MOST_ERRORS = 100

RecordT = TypeVar("RecordT", bound=ItemRecord | UserRecord)


@dataclass(frozen=True)
class GivenLine(Generic[RecordT]):
    """A line of the stream.

    Attributes:
        number: The line's number, from 1.
        size: Length in bytes.
        record: The item or user, if the line could be read.
        errors: Why it could not be read.
    """

    number: int
    size: int
    record: RecordT | None
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True)
class LineError:
    """Which field of which line is wrong, and why. `record_id` is None if the line could not be read."""

    line: int
    record_id: str | None
    field: str
    reason: str


@dataclass
class StreamReport:
    """The result of a stream. Empty lines do not count.

    Attributes:
        lines: All lines: created, updated, unchanged and rejected.
        created: Records that were new.
        updated: Records that were different.
        unchanged: Records that were the same.
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

    def reject(self, line: GivenLine[RecordT], errors: Sequence[FieldError]) -> None:
        """Count a wrong line."""
        self.lines += 1
        self.rejected += 1
        self.error_count += len(errors)
        record_id = None if line.record is None else line.record.id
        room = _MOST_ERRORS - len(self.errors)
        self.errors += [LineError(line.number, record_id, error.field, error.reason) for error in errors[:room]]

    def count(self, saved: Saved) -> None:
        """Count a stored chunk."""
        self.lines += saved.created + saved.updated + saved.unchanged
        self.created += saved.created
        self.updated += saved.updated
        self.unchanged += saved.unchanged


class RecordStream(Generic[RecordT]):
    """Stores items or users as they arrive. The next request sees every stored chunk.

    Args:
        host: Has the models that serve.
        source: The part of the schema that the records' attributes must fit.
        store: Stores a chunk in one transaction.
    """

    def __init__(
        self,
        host: ModelHost,
        source: Callable[[DatasetSchema], EntitySource],
        store: Callable[[Sequence[RecordT]], Awaitable[Saved]],
    ) -> None:
        self._host = host
        self._source = source
        self._store = store

    async def put(self, lines: AsyncIterator[GivenLine[RecordT]]) -> StreamReport:
        """Create or replace records until the lines end. Valid records are stored, errors are reported.

        Only one chunk is in memory at a time. If the stream breaks off, the chunks before it stay stored. Sending
        records again that are stored already changes nothing.

        Raises:
            NoActiveModelError: If no model is being served: the schema is the model's. Nothing is read.
            DatabaseUnavailableError: If the database cannot be reached.
        """
        source = self._source((await self._host.current()).schema)
        report = StreamReport()
        chunk: list[RecordT] = []
        size = 0
        async for line in lines:
            if line.record is None:
                report.reject(line, line.errors)
            elif errors := attribute_errors(line.record.attributes, source):
                report.reject(line, errors)
            else:
                chunk.append(replace(line.record, attributes=known_attributes(line.record.attributes, source)))
                size += line.size
            if len(chunk) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
                report.count(await self._store(chunk))
                chunk, size = [], 0
        if chunk:
            report.count(await self._store(chunk))
        return report
