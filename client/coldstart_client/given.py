"""The types that callers pass to the client."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal

AttributeValue = str | float | Sequence[str] | Sequence[float] | None
"""One attribute of a user or item: text or a category, a number, several categories, or unknown."""

Attributes = Mapping[str, AttributeValue]

Words = Literal["any", "all", "not", "from", "to"]

Conditions = Mapping[Words, Sequence[str | float] | str | float]
"""Conditions on an item's field: lists of values for `any`, `all` and `not`, a number or a time for `from` and `to`."""

Filter = Mapping[str, Sequence[str | float] | Conditions]
"""By item field, accepted values or conditions. An item must have one of the values, or fulfil all conditions."""


@dataclass(frozen=True)
class GivenRating:
    """A rating of an item.

    Attributes:
        item_id: Which item.
        rating: On the model's scale; see `get_schema`.
        rated_at: When it was made, with a time zone; None for now. Of two ratings the later is kept, so a rating with
            its time can be sent again safely.
    """

    item_id: str
    rating: float
    rated_at: datetime | None = None


@dataclass(frozen=True)
class GivenInteraction:
    """An interaction with an item.

    Attributes:
        item_id: Which item.
        kind: What the user did, such as `purchase`; see `get_schema`.
        occurred_at: When, with a time zone; None for now.
    """

    item_id: str
    kind: str
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class NewInteraction(GivenInteraction):
    """An interaction to store.

    Attributes:
        event_id: Chosen by the caller, unique for the user. An interaction that is sent again counts once. None lets
            the service choose one.
    """

    event_id: str | None = None


@dataclass(frozen=True)
class AttributeAnswer:
    """How much a user likes the items with an attribute value.

    Attributes:
        field: The attribute.
        value: Its value; a decade such as "1990s" for a field of years.
        rating: On the model's scale; it may lie between two steps. None if the user cannot say.
        answered_at: When, with a time zone; None for now. Of two answers to a question the later is kept.
        kind: Set by the class.
    """

    field: str
    value: str
    rating: float | None
    answered_at: datetime | None = None
    kind: Literal["attribute"] = dataclasses.field(default="attribute", init=False)


@dataclass(frozen=True)
class GroupAnswer:
    """How much a user likes some items as a whole.

    Attributes:
        item_ids: The items.
        rating: As of `AttributeAnswer`.
        answered_at: As of `AttributeAnswer`.
        kind: Set by the class.
    """

    item_ids: Sequence[str]
    rating: float | None
    answered_at: datetime | None = None
    kind: Literal["group"] = dataclasses.field(default="group", init=False)


@dataclass(frozen=True)
class PairAnswer:
    """Which of two items a user prefers.

    Attributes:
        item_ids: The two items.
        preferred: The item that the user prefers; None if the user cannot say.
        answered_at: As of `AttributeAnswer`.
        kind: Set by the class.
    """

    item_ids: Sequence[str]
    preferred: str | None
    answered_at: datetime | None = None
    kind: Literal["pair"] = dataclasses.field(default="pair", init=False)


GivenAnswer = AttributeAnswer | GroupAnswer | PairAnswer
"""An answer to a question. A question about one item is answered by a rating or a skip."""


@dataclass(frozen=True)
class Boost:
    """A rule that raises or lowers items in a list.

    Attributes:
        factor: What the score of an item is multiplied by.
        item_ids: The items; None for all that `filter` allows.
        filter: Only items that fulfil these conditions.
    """

    factor: float
    item_ids: Sequence[str] | None = None
    filter: Filter = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class NewItem:
    """An item to create or replace.

    Attributes:
        item_id: Its id.
        title: Its title.
        attributes: Attributes by field of the model's schema.
        available: Whether it may be in lists.
    """

    item_id: str
    title: str | None = None
    attributes: Attributes = dataclasses.field(default_factory=dict)
    available: bool = True


@dataclass(frozen=True)
class NewUser:
    """A user to create, or whose attributes to replace.

    Attributes:
        user_id: The user's id.
        attributes: Attributes by field of the model's schema.
    """

    user_id: str
    attributes: Attributes = dataclasses.field(default_factory=dict)


class Kept(Enum):
    """Stands for what a change leaves as it is, where None removes it."""

    KEPT = "kept"


KEPT = Kept.KEPT


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to a recommended item.

    Attributes:
        event_id: Chosen by the caller. An event that is sent again counts once.
        type: What happened.
        model_version: The model version of the answer that contained the item.
        user_id: The user.
        item_id: The item.
        rating: Only for events of type `rated`.
        occurred_at: When, with a time zone; None for now.
        recommendation_id: Of the answer that contained the item. It says for which scenario the list was made.
        position: The item's `rank` in it.
    """

    event_id: str
    type: Literal["shown", "clicked", "rated", "dismissed"]
    model_version: str
    user_id: str
    item_id: str
    rating: float | None = None
    occurred_at: datetime | None = None
    recommendation_id: str | None = None
    position: int | None = None
