import polars as pl
import pytest

from models.data.malformed import LINE, DataError, Fault, MalformedRows
from models.data.times import TimeColumn, time_format_fault

NOON = 1_706_702_400
"""31 January 2024, 12:00 UTC."""


def times(*texts: str | None, time_format: str | None = None, chunk: int = 100) -> tuple[list[int], MalformedRows]:
    malformed, column = MalformedRows(), TimeColumn("r.csv", "when", time_format)
    frame = pl.DataFrame({LINE: range(2, 2 + len(texts)), "time": pl.Series(texts, dtype=pl.String)})
    parsed = [column.parsed(part, malformed) for part in frame.iter_slices(chunk)]
    return column.in_seconds(pl.concat(parsed))["time"].to_list(), malformed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (str(NOON), NOON),
        (f"{NOON}.0", NOON),
        (f"{NOON}999", NOON),
        (f"{NOON}000000", NOON),
        (f"{NOON}000000001", NOON),
        ("100", 100),
        ("-86400", -86400),
        ("2024-01-31", NOON - 43200),
        ("2024/1/31 12:00", NOON),
        ("2024-01-31T12:00:00Z", NOON),
        ("2024-01-31 12:00:00.123456 UTC", NOON),
        ("2024-01-31T14:00:00+02:00", NOON),
        ("2024-01-31T06:30:00-0530", NOON),
    ],
)
@pytest.mark.parametrize("chunk", [1, 100])
def test_unit_or_iso_date_is_recognised(text: str, seconds: int, chunk: int) -> None:
    found, malformed = times(None, text, text, chunk=chunk)
    assert found == [seconds, seconds]
    assert len(malformed) == 1


def test_unknown_time_of_0_goes_with_every_unit() -> None:
    assert times("0", f"{NOON}000")[0] == [0, NOON]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            ["1700000000", "1700000000000"],
            "lie between 1700000000 and 1700000000000, which fits no unit: set time_format",
        ),
        (["31/01/2024", "01/02/2024"], "are neither numbers nor ISO dates, such as '31/01/2024': set time_format"),
        (["20240131", "20240201"], "may be seconds or dates such as 20240131: set time_format .* 's' or '%Y%m%d'"),
    ],
)
def test_ambiguous_times_are_refused_in_one_sentence(texts: list[str], said: str) -> None:
    with pytest.raises(DataError, match=rf"r\.csv: the times in 'when' {said}"):
        times(*texts)


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("s", str(NOON)),
        ("ms", f"{NOON}000"),
        ("us", f"{NOON}000000"),
        ("ns", f"{NOON}000000000"),
        ("iso", "2024-01-31 12:00"),
        ("%d.%m.%Y %H:%M", "31.01.2024 12:00"),
        ("%m/%d/%y %I:%M %p", "01/31/24 12:00 PM"),
        ("%d %b %Y %H:%M:%S %z", "31 Jan 2024 14:00:00 +0200"),
    ],
)
def test_times_of_a_named_format_are_read(time_format: str, text: str) -> None:
    assert time_format_fault(time_format) is None
    assert times(text, time_format=time_format)[0] == [NOON]


def test_days_of_a_named_format_are_read() -> None:
    assert times("20240131", time_format="%Y%m%d")[0] == [NOON - 43200]


@pytest.mark.parametrize("time_format", ["minutes", "", "%H:%M", "%Y-%m", "%Q", "S", "%d.%m."])
def test_format_that_names_no_day_is_refused(time_format: str) -> None:
    assert "is neither a unit (s, ms, us, ns) nor 'iso' nor a format" in (time_format_fault(time_format) or "")


@pytest.mark.parametrize(
    ("texts", "time_format", "fault"),
    [
        (["2024-01-31", "2024-02-30", "yesterday"], None, Fault.TIME),
        (["31.01.2024", "2024-01-31", "32.01.2024"], "%d.%m.%Y", Fault.TIME),
        ([f"{NOON}", f"{NOON}000", "1.5"], "s", Fault.NUMBER),
    ],
)
def test_single_times_that_do_not_fit_are_malformed_rows(
    texts: list[str], time_format: str | None, fault: Fault
) -> None:
    found, malformed = times(*texts, time_format=time_format)
    assert len(found) == 1
    assert dict(malformed.counts) == {("r.csv", fault): 2}
    assert [row.line for row in malformed.examples] == [3, 4]
