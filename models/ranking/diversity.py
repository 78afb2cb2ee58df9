"""Choosing a diverse list from scored items."""

import numpy as np
from numpy.typing import NDArray


def diverse_places(
    scores: NDArray[np.floating], similarities: NDArray[np.floating], n: int, *, diversity: float
) -> NDArray[np.int64]:
    """Choose items one after the other by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).

    Each place goes to the item with the highest `(1 − d) · score − d · s`, with s the item's greatest similarity to one
    above it; similarities below 0 count as 0. Scores are logarithms of probabilities. So with d = ½, an item that
    equals one above it must be e times as probable as an item that is unlike those above.

    Args:
        scores: [items]. Of equally good items, the first one is chosen.
        similarities: [items, items], at most 1.
        n: How many places to return at most.
        diversity: d, from 0 for the order of the scores to 1 for the least similar item at each place.

    Returns:
        Places of the chosen items, best first.
    """
    # Sorted, so that even with d = 1 the scores choose the first item and decide between equally similar ones.
    by_score = np.argsort(-scores, kind="stable")
    relevance = (1.0 - diversity) * scores[by_score].astype(np.float64)
    similarities = similarities[np.ix_(by_score, by_score)]
    closest = np.zeros(len(scores))
    chosen: list[int] = []
    for _ in range(min(n, len(scores))):
        place = int(np.argmax(relevance - diversity * closest))
        chosen.append(place)
        relevance[place] = -np.inf
        closest = np.maximum(closest, similarities[place])
    return np.asarray(by_score[chosen], dtype=np.int64)
