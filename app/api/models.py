"""What the request and response models of several resources share."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SkipValidation

from app.services.checks import GivenRating, is_storable
from models.schema import AttributeValue


class RequestModel(BaseModel):
    """Base of request bodies: a field that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """Base of answers, filled from what the services return."""

    model_config = ConfigDict(from_attributes=True)


def _is_id(text: str) -> str:
    if "/" in text or not _is_clean(text):
        raise ValueError("must not contain '/' or control characters")
    return text


def _is_line(text: str) -> str:
    if not _is_clean(text):
        raise ValueError("must not contain control characters")
    return text


def _is_clean(text: str) -> bool:
    return is_storable(text) and not any(unicodedata.category(character) == "Cc" for character in text)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


EntityId = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_is_id)]
"""The id of a user, an item or whatever else a path names."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its time zone, in UTC."""

Line = Annotated[str, Field(max_length=1000), AfterValidator(_is_line)]
"""A text that people read, such as a title."""

Attributes = Annotated[
    dict[str, SkipValidation[AttributeValue]],
    Field(
        max_length=1000,
        description="By field of the model's schema: a string, a list of strings or a number. "
        "Values that the model has not seen are taken as unknown.",
    ),
]
"""Attributes of a user or item. Which ones exist, and their types, is for the model's schema to say."""

Filters = Annotated[
    dict[str, Annotated[list[str], Field(max_length=1000)]],
    Field(max_length=100, description="By item field, the values of which an item must have one."),
]


class GivenRatingRequest(RequestModel):
    """A rating of an item, on the model's scale; without a time it was made just now."""

    item_id: EntityId
    rating: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    rated_at: Moment | None = None

    def given(self) -> GivenRating:
        """The rating as the services take it."""
        return GivenRating(self.item_id, self.rating, self.rated_at)


class ItemRequest(RequestModel):
    """An item's title and attributes."""

    title: Line | None = None
    attributes: Attributes = Field(default_factory=dict)


class BatchItemRequest(ItemRequest):
    """One item of several."""

    item_id: EntityId
