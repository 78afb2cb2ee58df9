"""The items that a user's relevant items are compared with: all others, or a sample of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import RankedLists

SAMPLE = 100
"""How many negatives are sampled for a user. It belongs to the evaluation protocol."""

_SEED = 0


def compared_scores(lists: RankedLists, *, sampled: bool) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each user, the scores of the relevant items and of the negatives, which are ranked and not relevant.

    A sample is uniform and without replacement. It depends on the user's row and not on the ranker, so that
    all rankers meet the same negatives. Relevant items that are not ranked are left out.
    """
    for user, relevant, scores in zip(lists.users, lists.relevant_items, lists.scores, strict=True):
        ranked = np.isfinite(scores)
        is_negative = ranked.copy()
        is_negative[relevant] = False
        negatives = np.flatnonzero(is_negative)
        if sampled and len(negatives) > SAMPLE:
            negatives = np.random.default_rng([_SEED, int(user)]).choice(negatives, SAMPLE, replace=False)
        yield scores[relevant][ranked[relevant]].astype(np.float64), scores[negatives].astype(np.float64)
