"""What the request and response models of several resources share."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation

from app.storage.ratings import RatingRecord
from models.data.schema import AttributeValue


class RequestModel(BaseModel):
    """Base of request bodies: a field that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """Base of answers, filled from what the services return."""

    model_config = ConfigDict(from_attributes=True)


# With the halves of surrogate pairs, which JSON can spell and no file or database can hold.
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _is_id(text: str) -> str:
    if "/" in text or _UNCLEAN.search(text):
        raise ValueError("must not contain '/' or control characters")
    return text


def _is_line(text: str) -> str:
    if _UNCLEAN.search(text):
        raise ValueError("must not contain control characters")
    return text


def _no_number(value: object) -> object:
    """Pydantic would take a number, and a text of one, for seconds or milliseconds since 1970, by its size."""
    try:
        float(value)  # type: ignore[arg-type]  # what cannot be one, is none
    except (TypeError, ValueError):
        return value
    raise ValueError("must be a time such as 2026-01-31T12:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


EntityId = Annotated[
    str,
    # The pattern is for readers of the document: the validator's words say better what is wrong.
    Field(min_length=1, max_length=128, json_schema_extra={"pattern": r"^[^/\x00-\x1f\x7f-\x9f]*$"}),
    AfterValidator(_is_id),
]
"""The id of a user, an item or whatever else a path names."""

GivenItemId = Annotated[EntityId, Field(examples=["50"])]
"""An item's id in a request."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A time with its time zone, in UTC."""

Line = Annotated[
    str,
    Field(max_length=1000, json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}),
    AfterValidator(_is_line),
]
"""A text that people read, such as a title."""

ShownUserId = Annotated[str, Field(examples=["ada"])]
ShownItemId = Annotated[str, Field(examples=["50"])]
ShownTitle = Annotated[str | None, Field(examples=["Star Wars"])]
ShownVersion = Annotated[str, Field(description="Of the model.", examples=["coldstart-c8f7fe71d86a"])]
"""What answers hold, with the examples of the OpenAPI document; requests have the checked types above."""

Attributes = Annotated[
    dict[str, SkipValidation[AttributeValue]],
    Field(
        max_length=1000,
        description="By field of the model's schema: a string, a list of strings or a number. "
        "Values that the model has not seen are taken as unknown.",
        examples=[{"age": 36, "gender": "F", "occupation": "programmer"}],
    ),
]
"""Attributes of a user or item. Which ones exist, and their types, is for the model's schema to say."""

ITEM_ATTRIBUTES: dict[str, AttributeValue] = {
    "genre": ["Action", "Adventure", "Romance", "Sci-Fi", "War"],
    "year": 1977.0,
}
"""An example of an item's."""

Filters = Annotated[
    dict[str, Annotated[list[str], Field(max_length=1000)]],
    Field(
        max_length=100,
        description="By item field, the values of which an item must have one.",
        examples=[{"genre": ["Comedy", "Drama"]}],
    ),
]


class RatingRequest(RequestModel):
    """A rating of an item, on the model's scale; without a time it was made just now."""

    item_id: GivenItemId
    rating: Annotated[float, Field(strict=True, allow_inf_nan=False, examples=[5])]
    rated_at: Moment | None = None

    def record(self) -> RatingRecord:
        """The rating as it is stored."""
        return RatingRecord(self.item_id, self.rating, self.rated_at)


class ItemRequest(RequestModel):
    """An item's title and attributes."""

    title: Line | None = Field(default=None, examples=["Star Wars"])
    attributes: Annotated[Attributes, Field(default_factory=dict, examples=[ITEM_ATTRIBUTES])]


class BatchItemRequest(ItemRequest):
    """One item of several."""

    item_id: GivenItemId
