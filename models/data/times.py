"""Times of a file: numbers of a unit since 1970, ISO 8601 dates, or dates of another format.

A schema may name the unit or format (`time_format`). If it does not, numbers and ISO dates are recognised. The unit of
numbers is recognised if all times lie between 1973 and 2603 in one unit only. Small numbers are seconds.
"""

import re
from datetime import UTC, datetime

import polars as pl

from models.data.malformed import DataError, Fault, MalformedRows

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_ISO = "iso"

_EARLIEST, _LATEST = 10**8, 2 * 10**10
"""Times in seconds between which a unit is recognised: 1973 and 2603."""

_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799
"""The seconds that a date can have."""

_ISO_DATE = re.compile(
    r"^(\d{4})([-/])(\d{1,2})[-/](\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(Z|z|UTC|[+-]\d{2}:?(?:\d{2})?)?$"
).pattern

_SAMPLE = datetime(2021, 11, 28, 13, 45, 59, tzinfo=UTC)


def time_format_fault(time_format: str) -> str | None:
    """Why a text is no unit and no format of times; None if it is one."""
    if time_format in _UNITS or time_format == _ISO:
        return None
    try:
        written = pl.DataFrame({"time": [_SAMPLE.strftime(time_format)]})
        days = written.select(_in_format(pl.col("time"), time_format) // 86_400)["time"].to_list()
    except (ValueError, pl.exceptions.PolarsError):
        days = []
    if days == [_SAMPLE.timestamp() // 86_400]:
        return None
    return (
        f"{time_format!r} is neither a unit ({', '.join(_UNITS)}) nor {_ISO!r} nor a format with day, month and year "
        "such as '%d.%m.%Y %H:%M'"
    )


class TimeColumn:
    """Reads the times of a file, chunk by chunk, into whole seconds since 1970.

    Args:
        file: The file, for messages.
        column: The name of the column in the file, for messages.
        time_format: As in the schema.
    """

    def __init__(self, file: str, column: str, time_format: str | None) -> None:
        self._file = file
        self._column = column
        self._format = time_format
        self._is_recognised = time_format is not None

    def parsed(self, chunk: pl.DataFrame, malformed: MalformedRows) -> pl.DataFrame:
        """The chunk with its text column `time` as Int64, in seconds or in a unit that `in_seconds` recognises.

        Raises:
            DataError: The times are neither numbers nor ISO dates, and the schema names no format.
        """
        if not self._is_recognised:
            self._recognise(chunk["time"].drop_nulls())
        text = pl.col("time")
        if are_numbers := self._format is None or self._format in _UNITS:
            number = text.cast(pl.Float64, strict=False)
            whole = pl.when(number.is_finite() & (number == number.floor())).then(number)
            # Whole numbers of many digits are not exact as floats.
            time = pl.coalesce(text.cast(pl.Int64, strict=False), whole.cast(pl.Int64, strict=False))
            if self._format is not None:
                time = time.floordiv(_PER_SECOND[self._format])
            kind = f"a whole number of {_UNITS[self._format or 's']}"
        else:
            time = _in_iso(text) if self._format == _ISO else _in_format(text, self._format or "")
            kind = "an ISO date" if self._format == _ISO else f"of the format {self._format}"
        if self._format is not None:
            time = pl.when(time.is_between(_YEAR_1, _YEAR_9999)).then(time)
            kind += " between the years 1 and 9999"
        chunk = chunk.with_columns(time.alias("__time__"))
        chunk = malformed.drop(
            chunk,
            file=self._file,
            where=pl.col("__time__").is_null(),
            fault=Fault.NUMBER if are_numbers else Fault.TIME,
            detail=pl.format("time '{}' is not {}", text.fill_null(""), pl.lit(kind)),
        )
        return chunk.with_columns(pl.col("__time__").alias("time")).drop("__time__")

    def in_seconds(self, table: pl.DataFrame) -> pl.DataFrame:
        """The whole table with its column `time` in seconds.

        Raises:
            DataError: The numbers fit no unit, or may also be dates.
        """
        if self._format is not None:
            return table
        sizes = table["time"].abs().filter(table["time"] != 0)
        if sizes.is_empty():
            return table
        low, high = int(sizes.min()), int(sizes.max())  # type: ignore[arg-type]  # of integers
        for unit, factor in _PER_SECOND.items():
            earliest = 0 if unit == "s" else _EARLIEST * factor
            if earliest <= low and high < _LATEST * factor:
                if unit == "s" and _are_dates(table["time"]):
                    raise DataError(self._unclear("may be seconds or dates such as 20240131", "'s' or '%Y%m%d'"))
                return table.with_columns(pl.col("time").floordiv(factor))
        raise DataError(
            self._unclear(f"lie between {low} and {high}, which fits no unit", ", ".join(map(repr, _UNITS)))
        )

    def _recognise(self, known: pl.Series) -> None:
        """Decide whether the times are dates, from the first chunk that has any."""
        if known.is_empty():
            return
        numbers = int(known.cast(pl.Float64, strict=False).is_not_null().sum())
        dates = int(known.str.contains(_ISO_DATE).sum())
        if not numbers and not dates:
            raise DataError(
                self._unclear(f"are neither numbers nor ISO dates, such as {known[0]!r}", "a format like '%d.%m.%Y'")
            )
        self._format = _ISO if dates > numbers else None
        self._is_recognised = True

    def _unclear(self, problem: str, choices: str) -> str:
        return f"{self._file}: the times in {self._column!r} {problem}: set time_format in the schema to {choices}"


def _in_iso(text: pl.Expr) -> pl.Expr:
    """ISO dates in seconds; without a time zone they are in UTC; null if a text is none."""
    part = [text.str.extract(_ISO_DATE, group) for group in range(9)]
    day = pl.format("{}-{}-{}", part[1], part[3].str.zfill(2), part[4].str.zfill(2))
    clock = [part[group].fill_null("0").str.zfill(2) for group in (5, 6, 7)]
    local = pl.format("{} {}:{}:{}", day, *clock).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).dt.epoch("s")
    zone = part[8].str.replace(":", "")
    hours = zone.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = zone.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    offset = (hours * 3600 + minutes * 60) * pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    return local - pl.when(zone.str.contains(r"^[+-]")).then(offset).otherwise(0)


def _in_format(text: pl.Expr, time_format: str) -> pl.Expr:
    """Dates of a format in seconds; without a time zone they are in UTC; null if a text is none."""
    if "%z" in time_format:
        return text.str.to_datetime(time_format, strict=False, time_zone="UTC").dt.epoch("s")
    if re.search("%[HIkTRXcMSsfp]", time_format):
        return text.str.to_datetime(time_format, strict=False).dt.epoch("s")
    return text.str.to_date(time_format, strict=False).cast(pl.Datetime).dt.epoch("s")


def _are_dates(numbers: pl.Series) -> bool:
    """Whether all numbers are days of the years 1900 to 2100, written as YYYYMMDD."""
    if not bool(numbers.is_between(19_000_101, 21_001_231).all()):
        return False
    return bool(numbers.cast(pl.String).str.to_date("%Y%m%d", strict=False).is_not_null().all())
