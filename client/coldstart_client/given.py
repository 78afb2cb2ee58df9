"""What callers give to the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AttributeValue = str | float | Sequence[str] | None
"""One attribute of a user or item: text or a category, a number, several categories, or unknown."""

Attributes = Mapping[str, AttributeValue]

Filter = Mapping[str, Sequence[str]]
"""By item field, the values of which an item must have one."""


@dataclass(frozen=True)
class GivenRating:
    """A rating of an item.

    Attributes:
        item_id: Which item.
        rating: On the model's scale; see `get_schema`.
        rated_at: When it was made, with a time zone; now if it is not given. Of two ratings the later stays, so a
            rating with its time may be sent again without harm.
    """

    item_id: str
    rating: float
    rated_at: datetime | None = None


@dataclass(frozen=True)
class NewItem:
    """An item to create or replace.

    Attributes:
        item_id: Its id.
        title: For people.
        attributes: By field of the model's schema.
    """

    item_id: str
    title: str | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to an item of a list.

    Attributes:
        event_id: The caller's own; an event that is sent again counts once.
        type: What happened.
        model_version: Of the answer that had the item.
        user_id: To whom.
        item_id: Which item.
        rating: Of an event of type `rated`, no other.
        occurred_at: When, with a time zone; now if it is not given.
    """

    event_id: str
    type: Literal["shown", "clicked", "rated"]
    model_version: str
    user_id: str
    item_id: str
    rating: float | None = None
    occurred_at: datetime | None = None
