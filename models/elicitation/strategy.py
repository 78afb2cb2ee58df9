"""The strategies that choose candidates, and a candidate."""

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How candidates are chosen. `models.elicitation.registry` says by what."""

    GRADIENT_POPULARITY = "gradient_popularity"
    """Gradient value × popularity, as in the paper."""
    POPULARITY = "popularity"
    """The number of ratings of an item."""
    ENTROPY = "entropy"
    """The entropy of an item's ratings."""
    ENTROPY0 = "entropy0"
    """The entropy of an item's answers, of which "unknown" is one."""
    HELF = "helf"
    """The harmonic mean of the entropy of the ratings and the logarithm of their number."""
    POPULARITY_ENTROPY = "popularity_entropy"
    """log(1 + popularity) × entropy of the ratings."""
    RANDOM = "random"
    """Items in random order, drawn from a seed."""
    OUTCOME = "outcome"
    """The items after whose answers training users were predicted best."""
    SEQUENTIAL = "sequential"
    """P(seen)² × the share of the variance that an answer removes, given the answers so far."""
    EXPECTED_GAIN = "expected_gain"
    """P(seen) × the expected reduction of the loss, given the answers so far."""


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
