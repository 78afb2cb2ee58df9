"""The list for an unknown user: what most people choose and like, or a given list that comes first."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.ranking.diversity import diverse_places
from models.ranking.popular import STRANGERS_DIVERSITY, PopularList
from models.ranking.query import RankingQuery
from models.ranking.rules import Eligible
from models.ranking.similarities import attribute_cosines


def strangers_rows(popular: PopularList, query: RankingQuery, eligible: Eligible) -> NDArray[np.int64]:
    """At most n rows for an unknown user, best first.

    Args:
        popular: What most people choose and like.
        query: The query, which knows nothing of the user.
        eligible: What may be in the list, and what the query's rules change.
    """
    if query.leading is not None:
        return _led(popular, query, eligible, query.leading.item_ids)
    return popular.rows(
        eligible.allowed,
        query.n,
        diversity=STRANGERS_DIVERSITY if query.diversity is None else query.diversity,
        added=eligible.added,
        exploration=eligible.exploration,
    )


def _led(popular: PopularList, query: RankingQuery, eligible: Eligible, item_ids: Sequence[str]) -> NDArray[np.int64]:
    """The given items, then popular ones.

    An item's score is 1 / place, so a boost of 2 halves the number of its place. Without boosts and diversity, the list
    is in the given order. Nothing is drawn for it, because it does not follow what the model believes of the items.
    """
    found = (popular.catalogue.row_of(item_id) for item_id in item_ids)
    first = np.array([row for row in found if row is not None and eligible.allowed[row]], dtype=np.int64)
    others = eligible.allowed.copy()
    others[first] = False
    rows = np.concatenate([first, popular.rows(others, query.n, added=eligible.boosts)])
    scores = -np.log(np.arange(1, len(rows) + 1))
    if eligible.boosts is not None:
        scores += eligible.boosts[rows]
    if not query.diversity:
        return rows[np.argsort(-scores, kind="stable")[: query.n]]
    alike = attribute_cosines(popular.catalogue, rows)
    return rows[diverse_places(scores, alike, query.n, diversity=query.diversity)]
