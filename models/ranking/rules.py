"""What a query lets into its list, and what its rules add to the scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ranking.catalogue import Catalogue
from models.ranking.exploration import Exploration
from models.ranking.query import Boost, RankingQuery


@dataclass(frozen=True)
class Eligible:
    """What may be in a list, and what the query's rules change.

    Attributes:
        allowed: bool [rows], what may be in the list.
        boosts: float32 [rows], what is added to the logarithm of each score; None for nothing.
        pinned: The allowed rows that come first, in this order.
        exploration: The draw of the list; None for a list that does not explore.
    """

    allowed: NDArray[np.bool_]
    boosts: NDArray[np.float32] | None
    pinned: Sequence[int]
    exploration: Exploration | None

    @classmethod
    def of(cls, catalogue: Catalogue, query: RankingQuery, exploration: Exploration | None) -> "Eligible":
        """Apply a query's conditions and rules to a catalogue.

        Raises:
            ValueError: As in `Catalogue.allowed`.
        """
        allowed = catalogue.allowed(query.excluded(catalogue.model.schema.kinds), query.where, query.only)
        pinned = (catalogue.row_of(item_id) for item_id in query.pinned)
        return cls(
            allowed,
            log_factors(catalogue, query.boosts),
            [row for row in pinned if row is not None and allowed[row]],
            exploration,
        )

    @property
    def added(self) -> NDArray[np.float32] | None:
        """float32 [rows], what boosts and exploration add to the logarithm of each score; None for nothing."""
        drawn = None if self.exploration is None else self.exploration.log_shares
        if self.boosts is None or drawn is None:
            return self.boosts if drawn is None else drawn
        return self.boosts + drawn


def log_factors(catalogue: Catalogue, boosts: Sequence[Boost]) -> NDArray[np.float32] | None:
    """What boosts add to the logarithm of each row's score; float32 [rows], or None without boosts.

    Raises:
        ValueError: As in `Catalogue.allowed`.
    """
    if not boosts:
        return None
    added = np.zeros(len(catalogue), dtype=np.float32)
    for boost in boosts:
        change = np.float32(math.log(boost.factor))
        if boost.item_ids is None:
            added[catalogue.matching(boost.where)] += change
            continue
        # By rows, not by a mask: a user may have seen hundreds of items, each with a boost of its own.
        rows = catalogue.rows_of(boost.item_ids)
        added[rows[catalogue.matching(boost.where)[rows]] if boost.where else rows] += change
    return added
