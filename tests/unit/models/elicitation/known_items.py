"""Items known to strategies, written out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.learners.base import LastLayer
from models.learners.exposure import Exposure


@dataclass(frozen=True)
class WrittenItems:
    statistics: pl.DataFrame
    training_users: int
    exposure: Exposure
    last_layer: LastLayer | None = None


def written_items(
    counts: Sequence[int], entropies: Sequence[float], *, users: int = 16, outcomes: Sequence[float] | None = None
) -> WrittenItems:
    """Items with these rating counts and entropies. Gradient values rise by 0.25 from item to item."""
    count = len(counts)
    return WrittenItems(
        statistics=pl.DataFrame(
            {
                "id": [f"i{row}" for row in range(count)],
                "rating_count": pl.Series(counts, dtype=pl.Int64),
                "rating_entropy": pl.Series(entropies, dtype=pl.Float64),
                "gradient_value": pl.Series([0.25 * (row + 1) for row in range(count)], dtype=pl.Float64),
                "outcome_value": pl.Series([0.0] * count if outcomes is None else outcomes, dtype=pl.Float64),
            }
        ),
        training_users=users,
        exposure=Exposure(np.zeros(count), np.zeros((count, 1))),
    )


def first_screen(strategy: QuestionStrategy, count: int, n: int) -> tuple[list[int], list[float]]:
    """The first screen of n questions to one user about these many items, and their scores."""
    everything: NDArray[np.bool_] = np.ones((1, count), dtype=np.bool_)
    (items,), (scores,) = strategy.choose(Asked.nothing(1), everything, n)
    return items.tolist(), scores.tolist()
