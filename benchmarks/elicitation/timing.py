"""How long it takes to choose a screen."""

import time

import numpy as np

from models.elicitation.strategy import Strategy
from models.ranking import Recommender

_REPEATS = 21
_ASKED = 20
"""How many questions the user has answered or skipped: the third screen is chosen."""


def screen_milliseconds(recommender: Recommender) -> dict[str, float]:
    """By strategy of the service, the median time to choose a screen of ten for one user; the first use is left out."""
    popular = [item.item_id for item in recommender.candidates(strategy=Strategy.POPULARITY, n=_ASKED)]
    rated, skipped = popular[: _ASKED // 2], popular[_ASKED // 2 :]
    found = {}
    for strategy in Strategy:
        times = []
        for repeat in range(_REPEATS + 1):
            started = time.perf_counter()
            recommender.candidates(strategy=strategy, n=10, rated=rated, skipped=skipped, seed=repeat)
            times.append(time.perf_counter() - started)
        found[strategy.value] = 1000 * float(np.median(times[1:]))
    return found
