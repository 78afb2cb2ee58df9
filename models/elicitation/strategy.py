"""The names of the ways to choose candidates, and what a candidate is."""

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How candidates are chosen."""

    GRADIENT_POPULARITY = "gradient_popularity"
    """Gradient value × popularity value, the paper's."""
    POPULARITY = "popularity"
    """How many rated an item."""
    POPULARITY_ENTROPY = "popularity_entropy"
    """log(1 + popularity) × entropy of the ratings (Rashid et al., IUI 2002, §3.3)."""
    RANDOM = "random"
    """Any item, drawn from a seed."""
    SEQUENTIAL = "sequential"
    """By the answers and skips so far: the chance of an answer × what it would teach (`SequentialQuestions`)."""


@dataclass(frozen=True)
class Candidate:
    """An item to ask about.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        score: What the strategy ranked it by, in [0, 1].
    """

    item_id: str
    title: str | None
    score: float
