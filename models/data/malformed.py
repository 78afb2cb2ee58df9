"""What is wrong in a data set's files: all malformed rows are counted, the first ones kept as examples."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

LINE = "__line__"
"""Column of a frame read from a file: the line on which the row begins (from 1), or a Parquet file's row."""

EXAMPLES_PER_FAULT = 5
"""Examples kept of each fault in each file: enough to find the cause, few enough to read."""


class DataError(ValueError):
    """A data set cannot be read or used; the message says where and what to change."""


class Fault(StrEnum):
    """Why a row is malformed."""

    FIELD_COUNT = "wrong number of fields"
    QUOTES = "broken quotes"
    ENCODING = "bytes that are not text"
    FLAG = "flag is neither 0 nor 1"
    MISSING_ID = "no id"
    NUMBER = "not a number"
    OFF_SCALE = "rating off the scale"
    STATE = "unknown state"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class MalformedRow:
    """One row that cannot be used.

    Attributes:
        file: As the schema names it.
        line: The line on which the row begins, from 1; of a Parquet file, the row.
        fault: What kind of fault.
        detail: The fault with the row's own values, for people.
    """

    file: str
    line: int
    fault: Fault
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.detail}"


class MalformedRows:
    """The malformed rows of a data set; `len` counts all of them.

    Attributes:
        counts: How many rows have the fault, by file and fault.
        examples: The first rows of each file and fault.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Fault]] = Counter()
        self.examples: list[MalformedRow] = []

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, row: MalformedRow) -> None:
        """Count a row, and keep it while its fault has few examples."""
        key = (row.file, row.fault)
        if self.counts[key] < EXAMPLES_PER_FAULT:
            self.examples.append(row)
        self.counts[key] += 1

    def drop(self, frame: pl.DataFrame, *, file: str, where: pl.Expr, fault: Fault, detail: pl.Expr) -> pl.DataFrame:
        """Count the rows of a frame that have a fault, and return the others.

        Args:
            frame: Rows with their `LINE`.
            file: The file they come from.
            where: True for the rows that have the fault; null counts as false.
            fault: The fault.
            detail: What to say of a row.
        """
        faulty = where.fill_null(value=False)
        rows = frame.filter(faulty)
        if rows.is_empty():
            return frame
        examples = rows.head(EXAMPLES_PER_FAULT).select(LINE, detail.alias("detail"))
        for line, text in examples.iter_rows():
            self.add(MalformedRow(file, line, fault, text))
        self.counts[file, fault] += rows.height - examples.height
        return frame.filter(~faulty)

    def summary(self) -> str:
        """The totals by file and fault, each with its first rows, one a line."""
        lines = []
        for (file, fault), count in self.counts.items():
            lines.append(f"{file}: {fault}: {count:,} {'row' if count == 1 else 'rows'}")
            examples = [row for row in self.examples if (row.file, row.fault) == (file, fault)]
            lines += [f"  {example}" for example in examples]
            if count > len(examples):
                lines.append(f"  and {count - len(examples):,} more")
        return "\n".join(lines)
