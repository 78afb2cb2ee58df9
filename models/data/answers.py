"""What a user answers to questions that are not about one item: about groups of items, attributes and pairs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupAnswer:
    """How much a user likes some items as a whole, such as "films like A, B and C".

    Attributes:
        item_ids: The items of the group.
        rating: The answer, on the rating scale.
    """

    item_ids: tuple[str, ...]
    rating: float


@dataclass(frozen=True)
class AttributeAnswer:
    """How much a user likes the items with an attribute value, such as crime films.

    Attributes:
        field: The attribute.
        value: Its value; a decade such as "1990s" for a field of years.
        rating: The answer, on the rating scale.
    """

    field: str
    value: str
    rating: float


@dataclass(frozen=True)
class PairAnswer:
    """Which of two items a user prefers.

    Attributes:
        preferred: The item that the user prefers.
        other: The other item.
    """

    preferred: str
    other: str


Answer = GroupAnswer | AttributeAnswer | PairAnswer
"""An answer to any question that is not about one item."""
