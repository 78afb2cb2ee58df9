"""Sets chosen by outcome: the items after whose answers training users were predicted best."""

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts


def outcome(known: KnownItems) -> FixedQuestions:
    """Asks for the items in the order in which training chose them (`models.elicitation.outcome_values`).

    The other items follow by popularity. Each item was chosen given the earlier ones, so a screen of them is a set.
    """
    return FixedQuestions(known.statistics["outcome_value"].to_numpy().copy(), rating_counts(known))
