"""The language of filters, in query parameters and in bodies, and its translation for the ranking."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.api.schemas import RequestModel
from app.errors import FieldError, InvalidRequestError
from models.ranking.filters import FieldFilter, Filter, number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_FIELDS, _MOST_VALUES = 100, 1000


def _value(value: object) -> str | float:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a string or a number")
    return number(value)


def _lowest(value: object) -> float:
    return _bound(value, time.min)


def _highest(value: object) -> float:
    return _bound(value, time.max)


def _bound(value: object, time_of_day: time) -> float:
    """The end of a range as a number; a time in seconds since 1970.

    Args:
        value: A number, a text of one, or a time in ISO 8601; without a time zone, in UTC.
        time_of_day: What a date without a time stands for.
    """
    given = _value(value)
    try:
        return number(given)
    except ValueError:
        text = str(given)
    try:
        moment = datetime.combine(date.fromisoformat(text), time_of_day)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("must be a finite number, or a time such as 2026-01-31") from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH).total_seconds()


_Values = Annotated[
    list[Annotated[str | float, BeforeValidator(_value, json_schema_input_type=str | float)]],
    Field(max_length=_MOST_VALUES),
]


class FieldConditions(RequestModel):
    """Conditions on an item's field. All of them must hold. Case and accents do not count.

    An item without a value fulfils `not` alone.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    any: Annotated[_Values | None, Field(description="The item has one of these values.")] = None
    all: Annotated[_Values, Field(default_factory=list, description="The item has all of these values.")]
    not_: Annotated[_Values, Field(alias="not", default_factory=list, description="The item has none of these values.")]
    from_: Annotated[
        Annotated[float, BeforeValidator(_lowest, json_schema_input_type=float | str)] | None,
        Field(
            alias="from",
            description="The item's number is at least this. A time such as `2026-01-31` stands for its seconds since "
            "1970.",
            examples=[1990],
        ),
    ] = None
    to: Annotated[
        Annotated[float, BeforeValidator(_highest, json_schema_input_type=float | str)] | None,
        Field(description="The item's number is at most this. A date stands for its end.", examples=[1999]),
    ] = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must have any, all, not, from or to")
        return self

    def conditions(self) -> FieldFilter:
        """The conditions as the ranking takes them."""
        return FieldFilter(
            any_of=None if self.any is None else tuple(self.any),
            all_of=tuple(self.all),
            none_of=tuple(self.not_),
            lowest=self.from_,
            highest=self.to,
        )


_WORDS = [field.alias or name for name, field in FieldConditions.model_fields.items()]


def _conditions(value: object) -> object:
    """A list stands for `any`."""
    if isinstance(value, list):
        return {"any": value}
    if not isinstance(value, dict | FieldConditions):
        raise ValueError(f"must be a list of values, or an object with {', '.join(_WORDS)}")
    return value


Filters = Annotated[
    dict[
        str,
        Annotated[
            FieldConditions, BeforeValidator(_conditions, json_schema_input_type=list[str | float] | FieldConditions)
        ],
    ],
    Field(
        max_length=_MOST_FIELDS,
        description="By item field, accepted values (an item must have one of them) or conditions. An item must fulfil "
        "those of every field. Case and accents do not count.",
        examples=[{"genre": ["Comedy", "Drama"], "year": {"from": 1990, "to": 1999}}],
    ),
]
"""A filter in a body."""


def filter_of(given: Mapping[str, FieldConditions]) -> dict[str, FieldFilter]:
    """A filter of a body as the ranking takes it."""
    return {name: conditions.conditions() for name, conditions in given.items()}


ShownFilter = Annotated[
    dict[str, list[str | float] | dict[str, list[str | float] | float]],
    Field(
        description="As in requests. Times are seconds since 1970.",
        examples=[{"genre": ["Comedy"], "year": {"from": 1990}}],
    ),
]
"""A filter in an answer."""


def shown(where: Filter) -> dict[str, list[str | float] | dict[str, list[str | float] | float]]:
    """A filter as answers show it: accepted values alone as a list, other conditions by their words."""
    answer: dict[str, list[str | float] | dict[str, list[str | float] | float]] = {}
    for name, given in where.items():
        words: dict[str, list[str | float] | float] = {}
        if given.any_of is not None:
            words["any"] = list(given.any_of)
        if given.all_of:
            words["all"] = list(given.all_of)
        if given.none_of:
            words["not"] = list(given.none_of)
        if given.lowest is not None:
            words["from"] = given.lowest
        if given.highest is not None:
            words["to"] = given.highest
        answer[name] = list(given.any_of or ()) if list(words) == ["any"] else words
    return answer


def parsed(texts: Sequence[str]) -> dict[str, FieldFilter]:
    """A filter of query parameters: `field:value`, or `field.word:value` with a word of `FieldConditions`.

    Only the first colon separates. Values of one field and one word are collected.

    Raises:
        InvalidRequestError: It names the wrong parts.
    """
    given: dict[str, dict[str, list[str]]] = {}
    errors = []
    for index, text in enumerate(texts):
        place, colon, value = text.partition(":")
        if not colon:
            errors.append(FieldError(f"filter.{index}", "must have the form field:value"))
            continue
        name, _, word = place.rpartition(".")
        if not name or word not in _WORDS:
            name, word = place, "any"
        given.setdefault(name, {}).setdefault(word, []).append(value)
    where = {}
    for name, words in given.items():
        twice = [word for word in ("from", "to") if len(words.get(word, ())) > 1]
        errors += [FieldError(f"filter.{name}.{word}", "is given twice") for word in twice]
        bounds = {word: words[word][0] for word in ("from", "to") if word in words}
        try:
            where[name] = FieldConditions.model_validate(words | bounds).conditions()
        except ValidationError as error:
            errors += [
                FieldError(
                    ".".join(map(str, ["filter", name, *each["loc"]])), each["msg"].removeprefix("Value error, ")
                )
                for each in error.errors()
            ]
    if errors:
        raise InvalidRequestError(errors)
    return where


async def _of_query(
    filter_: Annotated[
        list[str] | None,
        Query(
            alias="filter",
            max_length=_MOST_FIELDS,
            description="`field:value`: the item has this value or, if repeated, one of them. `field.not:value`: it "
            "has none of them. `field.all:value`: it has all of them. `field.from:1990` and `field.to:1999`: its "
            "number is in this range. An item must fulfil all conditions. Case and accents do not count.",
            examples=[["genre:Comedy", "year.from:1990"]],
        ),
    ] = None,
) -> Filter:
    return parsed(filter_ or ())


FiltersDep = Annotated[Filter, Depends(_of_query)]
"""A filter of query parameters."""
