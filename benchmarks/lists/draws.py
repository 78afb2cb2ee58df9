"""Lists of several draws, averaged by user, so that users stay the sampling unit."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.evaluation.lists.measuring import MeasuredLists


def pooled(draws: Sequence[Mapping[str, Sequence[MeasuredLists]]]) -> dict[str, list[MeasuredLists]]:
    """By contestant, its lists at each support size. A user's value is the mean over the draws that have the user."""
    return {
        name: [_mean([draw[name][place] for draw in draws]) for place in range(len(by_size))]
        for name, by_size in draws[0].items()
    }


def _mean(draws: Sequence[MeasuredLists]) -> MeasuredLists:
    users, places = np.unique(np.concatenate([draw.users for draw in draws]), return_inverse=True)
    counts = np.bincount(places)
    return MeasuredLists(
        users=users,
        values={
            name: np.bincount(places, weights=np.concatenate([draw.values[name] for draw in draws])) / counts
            for name in draws[0].values
        },
        over_all={name: float(np.mean([draw.over_all[name] for draw in draws])) for name in draws[0].over_all},
    )
