"""Questions to a new user: about an item, a group of items, an attribute, or a pair of items."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
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
class Topic:
    """What a question that is not about one item is about. Two questions with equal topics are the same question.

    Attributes:
        kind: Its kind.
        item_ids: The items of a group or of a pair; empty for an attribute.
        field: The attribute; None for a group and a pair.
        value: The value of that attribute.
    """

    kind: QuestionKind
    item_ids: frozenset[str] = frozenset()
    field: str | None = None
    value: str | None = None

    @classmethod
    def of_answer(cls, answer: Answer) -> Self:
        """What the question was about that has this answer."""
        match answer:
            case GroupAnswer(item_ids):
                return cls(QuestionKind.GROUP, frozenset(item_ids))
            case AttributeAnswer(name, value):
                return cls(QuestionKind.ATTRIBUTE, field=name, value=value)
            case PairAnswer(preferred, other):
                return cls(QuestionKind.PAIR, frozenset({preferred, other}))


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

    @property
    def topic(self) -> Topic | None:
        """What it is about; None for a question about an item."""
        match self.kind:
            case QuestionKind.ITEM:
                return None
            case QuestionKind.ATTRIBUTE:
                return Topic(self.kind, field=self.field, value=self.value)
            case QuestionKind.GROUP | QuestionKind.PAIR:
                return Topic(self.kind, frozenset(item.item_id for item in self.items))
