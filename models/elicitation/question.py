"""Questions to a new user: about an item, a group of items, an attribute, or a pair of items."""

from dataclasses import dataclass
from enum import StrEnum

from models.elicitation.strategy import Candidate


class QuestionKind(StrEnum):
    """What a question is about."""

    ITEM = "item"
    """How does the user rate this item?"""
    GROUP = "group"
    """How does the user like items such as these, as a whole?"""
    ATTRIBUTE = "attribute"
    """How does the user like items with this attribute value, such as crime films?"""
    PAIR = "pair"
    """Which of two items does the user prefer?"""


@dataclass(frozen=True)
class Question:
    """A question to a user.

    Attributes:
        kind: What it is about.
        items: The item, the pair, the group, or examples of the attribute value; the best known first.
        score: Its value by the strategy that chose it, in [0, 1].
        field: The attribute of a question about an attribute; of a group, an attribute that names it, if there is one.
        value: The value of that attribute.
    """

    kind: QuestionKind
    items: tuple[Candidate, ...]
    score: float
    field: str | None = None
    value: str | None = None
