"""What callers give to the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
