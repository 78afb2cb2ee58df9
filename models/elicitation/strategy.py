"""The strategies that choose candidates, and a candidate."""

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How candidates are chosen."""

    GRADIENT_POPULARITY = "gradient_popularity"
    """Gradient value × popularity, as in the paper."""
    POPULARITY = "popularity"
    """The number of ratings of an item."""
    POPULARITY_ENTROPY = "popularity_entropy"
    """log(1 + popularity) × entropy of the ratings (Rashid et al., IUI 2002, §3.3)."""
    RANDOM = "random"
    """Items in random order, drawn from a seed."""
    SEQUENTIAL = "sequential"
    """P(seen)² × the share of the variance that an answer removes, given the answers so far (`SequentialQuestions`)."""


@dataclass(frozen=True)
class Candidate:
    """An item to ask about.

    Attributes:
        item_id: The item.
        title: Its title, if it has one.
        score: The score by which the strategy ranked it, in [0, 1].
    """

    item_id: str
    title: str | None
    score: float
