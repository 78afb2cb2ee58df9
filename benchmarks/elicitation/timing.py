"""How long it takes to choose a screen."""

import time

import numpy as np

from benchmarks.larger_catalogue import part_of
from models.artifact import TrainedModel
from models.elicitation.strategy import Strategy
from models.ranking import Recommender
from models.ranking.catalogue import Catalogue

LARGE = 1_000_000
"""Items of the made catalogue, which is larger than those of the data sets."""

_REPEATS = 21
_ASKED = 20
"""How many questions the user has answered or skipped: the third screen is chosen."""


def large_catalogue(model: TrainedModel) -> Recommender:
    """A model over a million made items (`benchmarks.larger_catalogue`)."""
    return Recommender.over(Catalogue([part_of(model, LARGE)], np.ones(LARGE, dtype=np.bool_)))


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
