"""The strategies that have the same candidates for all users: one score per item."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.elicitation.strategy import Strategy


def strategy_scores(statistics: pl.DataFrame, strategy: Strategy, *, seed: int = 0) -> NDArray[np.float64]:
    """The scores by which a strategy ranks the items.

    Args:
        statistics: The table that `models.elicitation.statistics.item_statistics` returns.
        strategy: The strategy.
        seed: Seed of the random strategy.

    Returns:
        float64 [items], in [0, 1].

    Raises:
        ValueError: The scores of the strategy depend on the user.
    """
    counts = statistics["rating_count"].to_numpy().astype(np.float64)
    popularity = counts / max(counts.max(initial=0.0), 1.0)
    match strategy:
        case Strategy.GRADIENT_POPULARITY:
            return np.asarray(statistics["gradient_value"].to_numpy() * popularity)
        case Strategy.POPULARITY:
            return np.asarray(popularity)
        case Strategy.POPULARITY_ENTROPY:
            scores = np.log1p(counts) * statistics["rating_entropy"].to_numpy()
            return np.asarray(scores / max(scores.max(initial=0.0), 1e-12))
        case Strategy.RANDOM:
            return np.random.default_rng(seed).random(len(counts))
        case Strategy.SEQUENTIAL:
            raise ValueError(f"the scores of the strategy {strategy} depend on the user")
