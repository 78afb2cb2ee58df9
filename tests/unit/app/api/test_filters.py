"""The language of filters, in query parameters and in bodies."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.api.body_fields import fields_at
from app.api.filters import Filters, filter_of, parsed, shown
from app.api.recommendations import VisitorRequest
from app.errors import InvalidRequestError
from models.ranking.filters import FieldFilter, Filter

BODY = TypeAdapter(Filters)
VALUE = st.text(max_size=5)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "any": st.lists(VALUE, min_size=1, max_size=3),
        "all": st.lists(VALUE, min_size=1, max_size=3),
        "not": st.lists(VALUE, min_size=1, max_size=3),
        "from": st.floats(allow_nan=False, allow_infinity=False),
        "to": st.dates().map(str),
    },
).filter(bool)


def of_body(body: dict[str, Any]) -> Filter:
    return filter_of(BODY.validate_python(body))


@given(st.dictionaries(st.text("a.b:", max_size=4).filter(lambda name: ":" not in name), CONDITIONS, max_size=3))
def test_query_says_all_that_a_body_says(body: dict[str, dict[str, Any]]) -> None:
    texts = [
        f"{name}.{word}:{value}"
        for name, conditions in body.items()
        for word, values in conditions.items()
        for value in (values if isinstance(values, list) else [values])
        if name
    ]
    assert parsed(texts) == of_body({name: conditions for name, conditions in body.items() if name})


@given(st.dictionaries(st.text(max_size=3), st.lists(VALUE) | CONDITIONS, max_size=3))
def test_shown_filter_says_the_same_when_it_is_sent_again(body: dict[str, Any]) -> None:
    where = of_body(body)

    assert of_body(shown(where)) == where


def test_accepted_values_are_shown_as_a_list_and_other_conditions_by_their_words() -> None:
    where = parsed(["genre:Comedy", "year.from:1990", "year.not:1995", "tag.any:a", "tag.all:b"])

    assert shown(where) == {
        "genre": ["Comedy"],
        "year": {"not": ["1995"], "from": 1990.0},
        "tag": {"any": ["a"], "all": ["b"]},
    }


def test_value_without_a_word_is_one_of_several_accepted_ones() -> None:
    expected = {"genre": FieldFilter(("Comedy", "Drama"))}

    assert parsed(["genre:Comedy", "genre:Drama"]) == expected
    assert parsed(["genre:Comedy", "genre.any:Drama"]) == expected
    assert of_body({"genre": ["Comedy", "Drama"]}) == of_body({"genre": {"any": ["Comedy", "Drama"]}}) == expected


def test_only_the_first_colon_and_a_known_last_word_separate() -> None:
    assert parsed(["a:b:c", "d.e:f.not", "g.not.any:h", ".to:1"]) == {
        "a": FieldFilter(("b:c",)),
        "d.e": FieldFilter(("f.not",)),
        "g.not": FieldFilter(("h",)),
        ".to": FieldFilter(("1",)),
    }


def test_empty_list_accepts_no_value() -> None:
    assert of_body({"genre": []}) == {"genre": FieldFilter(())}


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (1990, 1999.5, (1990.0, 1999.5)),
        ("-3", "1e3", (-3.0, 1000.0)),
        ("2026-01-31", "2026-01-31", (1769817600.0, 1769903999.999999)),
        ("2026-01-31T12:00", "2026-01-31T12:00:00+02:00", (1769860800.0, 1769853600.0)),
        ("0001-01-01", "9999-12-31", (-62135596800.0, 253402300799.999999)),
    ],
)
def test_ends_of_a_range_are_numbers_or_times(
    lowest: str | float, highest: str | float, expected: tuple[float, float]
) -> None:
    where = of_body({"added": {"from": lowest, "to": highest}})

    assert (where["added"].lowest, where["added"].highest) == expected
    assert where == parsed([f"added.from:{lowest}", f"added.to:{highest}"])


def test_time_without_a_zone_is_in_utc() -> None:
    assert parsed(["added.from:2026-01-31T12:00"])["added"].lowest == datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("texts", "field", "reason"),
    [
        (["genre"], "filter.0", "must have the form field:value"),
        (["year.from:1", "year.from:2"], "filter.year.from", "is given twice"),
        (["year.from:nineties"], "filter.year.from", "must be a finite number, or a time such as 2026-01-31"),
        (["year.to:nan"], "filter.year.to", "must be a finite number, or a time such as 2026-01-31"),
    ],
)
def test_wrong_query_names_the_field_and_the_reason(texts: list[str], field: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        parsed(texts)

    assert [(error.field, error.reason) for error in raised.value.errors] == [(field, reason)]


@pytest.mark.parametrize(
    ("given_", "place", "reason"),
    [
        ("Comedy", (), "must be a list of values, or an object with any, all, not, from, to"),
        ({}, (), "must have any, all, not, from or to"),
        ({"any": [True]}, ("any", 0), "must be a string or a number"),
        ({"not": [float("nan")]}, ("not", 0), "nan is not a finite number"),
        ([None], ("any", 0), "must be a string or a number"),
        ({"from": float("inf")}, ("from",), "inf is not a finite number"),
        ({"from": "yesterday"}, ("from",), "must be a finite number, or a time such as 2026-01-31"),
        ({"from": True}, ("from",), "must be a string or a number"),
        ({"to": 10**400}, ("to",), "is not a finite number"),
    ],
)
def test_wrong_body_names_the_field_and_the_reason(given_: object, place: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ValidationError) as raised:
        BODY.validate_python({"genre": given_})

    (error,) = raised.value.errors()
    assert error["loc"] == ("genre", *place)
    assert reason in error["msg"]


def test_words_of_a_filter_are_known_to_the_message_about_an_unknown_one() -> None:
    assert fields_at(VisitorRequest, ("filter", "genre")) == ["any", "all", "not", "from", "to"]
    assert fields_at(VisitorRequest, ("boosts", 0, "filter", "genre")) == ["any", "all", "not", "from", "to"]
