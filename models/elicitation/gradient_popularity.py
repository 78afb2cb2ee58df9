"""Gradient × popularity, the strategy of MeLU (Lee et al., KDD 2019, §3.4)."""

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import popularity_values, rating_counts


def gradient_popularity(known: KnownItems) -> FixedQuestions:
    """Score = gradient value × popularity: an answer should move the user's model, and should be given.

    `models.elicitation.statistics.item_statistics` has the gradient value.
    """
    counts = rating_counts(known)
    return FixedQuestions(known.statistics["gradient_value"].to_numpy() * popularity_values(counts), counts)
