"""Reading one file of a data set into frames of strings, with the line number of every row.

Text is read record by record, so that the line of every malformed record is known. Rows are returned in chunks, so that
the memory needed does not grow with the file.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

import polars as pl
import polars.selectors as cs

from models.data.malformed import LINE, DataError, Fault, MalformedRow, MalformedRows
from models.data.schema import SourceFile

CHUNK_ROWS = 50_000
"""Rows of a chunk, which bounds the memory."""

_UNDECODED = re.compile("[\udc80-\udcff]")
"""The characters that the error handler `surrogateescape` puts in place of bytes that are not text."""

_Record = tuple[int, list[str] | csv.Error]
"""The first line of a record and its fields, or the error that makes them unreadable."""


def read_chunks(
    directory: Path,
    source: SourceFile,
    *,
    required: Collection[str],
    optional: Collection[str] = (),
    lists: Collection[str] = (),
    malformed: MalformedRows,
) -> Iterator[pl.DataFrame]:
    """Read some columns of a file in chunks.

    Args:
        directory: The data set's directory.
        source: The file.
        required: Columns that must exist.
        optional: Columns that may be missing, from the file and then from the chunks.
        lists: Columns that may hold lists: of strings from `flags`, of anything from Parquet.
        malformed: Collects the malformed rows.

    Yields:
        Frames, at least one: `LINE`, then the columns, as lists or as strings without surrounding white space. A string
        is null if it is empty or one of the `nulls` of the source.

    Raises:
        DataError: The file cannot be read or lacks a required column.
    """
    path = directory / source.path
    try:
        is_parquet = path.suffix == ".parquet"
        for raw in _parquet_chunks(path) if is_parquet else _text_chunks(path, source, malformed):
            _require(source, required, raw.columns)
            chunk = _with_derived_columns(raw, source, {*required, *optional}, malformed)
            _refuse_lists(source, lists, chunk)
            yield chunk
    except (OSError, EOFError, UnicodeError, zlib.error, pl.exceptions.PolarsError) as error:
        raise DataError(f"{source.path} cannot be read: {error}") from error


def columns_of(directory: Path, source: SourceFile) -> list[str]:
    """The names of a file's columns.

    Raises:
        DataError: The file cannot be read.
    """
    path = directory / source.path
    try:
        if path.suffix == ".parquet":
            return pl.scan_parquet(path).collect_schema().names()
        with _open_text(path, source.encoding) as text:
            return list(source.columns or _header(_records(text, source), source))
    except (OSError, EOFError, UnicodeError, zlib.error, pl.exceptions.PolarsError) as error:
        raise DataError(f"{source.path} cannot be read: {error}") from error


def read_table(
    directory: Path,
    source: SourceFile,
    *,
    required: Collection[str],
    optional: Collection[str] = (),
    lists: Collection[str] = (),
    malformed: MalformedRows,
) -> pl.DataFrame:
    """Read some columns of a file as one frame; see `read_chunks`."""
    return pl.concat(
        read_chunks(directory, source, required=required, optional=optional, lists=lists, malformed=malformed)
    )


def _parquet_chunks(path: Path) -> Iterator[pl.DataFrame]:
    file = pl.scan_parquet(path).with_row_index(LINE, offset=1)
    row_count = file.select(pl.len()).collect().item()
    for offset in range(0, max(row_count, 1), CHUNK_ROWS):
        chunk = file.slice(offset, CHUNK_ROWS).collect()
        # Dates and truth values as a text file has them: in seconds, and as 0 and 1. Data frames write NaN for nothing.
        chunk = chunk.with_columns(
            (cs.date() | cs.datetime()).dt.epoch("s"), cs.boolean().cast(pl.Int8), cs.float().fill_nan(None)
        )
        yield chunk.with_columns((cs.all() - cs.by_name(LINE) - cs.list() - cs.array()).cast(pl.String)).with_columns(
            cs.array().arr.to_list()
        )


def _text_chunks(path: Path, source: SourceFile, malformed: MalformedRows) -> Iterator[pl.DataFrame]:
    with _open_text(path, source.encoding) as text:
        records = _records(text, source)
        names = source.columns or _header(records, source)
        # One flat list instead of a list of rows: a million small lists slow the garbage collector down.
        lines: list[int] = []
        values: list[str] = []
        for line, fields in _well_formed(records, source, len(names), malformed):
            lines.append(line)
            values += fields
            if len(lines) == CHUNK_ROWS:
                yield _frame(names, lines, values)
                lines, values = [], []
        # The last chunk may be empty, but it has columns: so a file without rows has them too.
        yield _frame(names, lines, values)


def _open_text(path: Path, encoding: str) -> TextIO:
    """Open a text file; bytes that are not text become characters that `_is_text` finds."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline="")
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def _records(text: TextIO, source: SourceFile) -> Iterator[_Record]:
    """The records of a text, without blank ones."""
    # Spreadsheets put a byte order mark first; it must not become part of the first column's name.
    lines = chain([text.readline().removeprefix("\ufeff")], text)
    if source.quoted and len(source.separator) == 1:
        records = _csv_records(lines, source.separator)
    else:
        records = _split_records(lines, source.separator)
    return (record for record in records if record[1])


def _csv_records(text: Iterable[str], separator: str) -> Iterator[_Record]:
    reader = csv.reader(text, delimiter=separator, strict=True)
    while True:
        first_line = reader.line_num + 1
        try:
            yield first_line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first_line, csv.Error(f"{error} (lines {first_line} to {reader.line_num})")


def _split_records(text: Iterable[str], separator: str) -> Iterator[_Record]:
    for number, line in enumerate(text, start=1):
        content = line.rstrip("\r\n")
        yield number, content.split(separator) if content else []


def _header(records: Iterator[_Record], source: SourceFile) -> tuple[str, ...]:
    _, fields = next(records, (0, csv.Error("the file is empty")))
    if isinstance(fields, csv.Error) or not _is_text(fields):
        cause = fields if isinstance(fields, csv.Error) else f"the header is not {source.encoding}"
        raise DataError(f"{source.path} cannot be read: {cause}")
    names = tuple(name.strip() for name in fields)
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{source.path}: two columns are called {repeated!r}")
    return names


def _well_formed(
    records: Iterator[_Record], source: SourceFile, width: int, malformed: MalformedRows
) -> Iterator[tuple[int, list[str]]]:
    """The records with the right number of fields, all of them text; others are added to `malformed`."""
    for line, fields in records:
        if isinstance(fields, csv.Error):
            malformed.add(MalformedRow(source.path, line, Fault.QUOTES, f"broken quotes: {fields}"))
        elif len(fields) != width:
            detail = f"{len(fields)} fields instead of {width}"
            malformed.add(MalformedRow(source.path, line, Fault.FIELD_COUNT, detail))
        elif not _is_text(fields):
            detail = f"bytes that are not {source.encoding}"
            malformed.add(MalformedRow(source.path, line, Fault.ENCODING, detail))
        else:
            yield line, fields


def _is_text(fields: list[str]) -> bool:
    return all(map(str.isascii, fields)) or not any(map(_UNDECODED.search, fields))


def _frame(names: Sequence[str], lines: list[int], values: list[str]) -> pl.DataFrame:
    """A frame from the lines of its rows and from all values, row after row."""
    width = len(names)
    columns = [pl.Series(name, values[index::width], pl.String) for index, name in enumerate(names)]
    return pl.DataFrame([pl.Series(LINE, lines, pl.UInt32), *columns])


def _with_derived_columns(
    raw: pl.DataFrame, source: SourceFile, wanted: set[str], malformed: MalformedRows
) -> pl.DataFrame:
    """The wanted columns, cleaned, including those that are extracted or made from flags."""
    extractions = {name: extraction for name, extraction in source.extract.items() if name in wanted}
    flags = {name: columns for name, columns in source.flags.items() if name in wanted}
    origins = {extraction.column for extraction in extractions.values()}
    origins.update(column for columns in flags.values() for column in columns)
    chunk = raw.select(
        LINE,
        *(
            pl.col(name) if raw.schema[name] == pl.List else _clean(pl.col(name), source)
            for name in raw.columns
            if name in wanted | origins
        ),
    )
    chunk = _without_wrong_flags(chunk, source, flags, malformed)
    chunk = chunk.with_columns(
        *(
            _clean(pl.col(extraction.column).str.extract(extraction.pattern), source).alias(name)
            for name, extraction in extractions.items()
        ),
        *(
            pl.concat_list(pl.when(pl.col(column) == "1").then(pl.lit(column)).otherwise(None) for column in columns)
            .list.drop_nulls()
            .alias(name)
            for name, columns in flags.items()
        ),
    )
    return chunk.select(LINE, *(name for name in chunk.columns if name in wanted))


def _clean(text: pl.Expr, source: SourceFile) -> pl.Expr:
    """Text without surrounding white space; null if it is then empty or one of the `nulls` of the source."""
    stripped = text.str.strip_chars()
    unknown = stripped.is_in(["", *source.nulls])
    return pl.when(unknown).then(None).otherwise(stripped).name.keep()


def _without_wrong_flags(
    chunk: pl.DataFrame, source: SourceFile, flags: dict[str, tuple[str, ...]], malformed: MalformedRows
) -> pl.DataFrame:
    for column in dict.fromkeys(column for columns in flags.values() for column in columns):
        chunk = malformed.drop(
            chunk,
            file=source.path,
            where=~pl.col(column).is_in(["0", "1"]),
            fault=Fault.FLAG,
            detail=pl.format("{}: '{}' is neither 0 nor 1", pl.lit(column), pl.col(column)),
        )
    return chunk


def _require(source: SourceFile, columns: Collection[str], present: Sequence[str]) -> None:
    """Raise an error if a column is missing, or a column that another one is derived from."""
    derived = source.extract.keys() | source.flags.keys()
    read = [column for column in columns if column not in derived]
    origins = [extraction.column for extraction in source.extract.values()]
    flags = [column for columns in source.flags.values() for column in columns]
    for column in (*read, *origins, *flags):
        if column not in present:
            names = ", ".join(name for name in present if name != LINE)
            raise DataError(f"{source.path}: there is no column {column!r}; the columns are {names}")


def _refuse_lists(source: SourceFile, allowed: Collection[str], chunk: pl.DataFrame) -> None:
    for name, kind in chunk.schema.items():
        if kind == pl.List and name not in allowed:
            raise DataError(f"{source.path}: column {name!r} holds lists, which its field does not take")
