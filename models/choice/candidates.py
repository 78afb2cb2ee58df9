"""The items over which the softmax of a training batch is computed: all of them, or a sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.episodes import EpisodeBatch


@dataclass(frozen=True)
class Candidates:
    """The items of a softmax.

    Attributes:
        rows: int64 [C], rows of items.
        log_weights: float32 [C], the logarithm of the number of items that each stands for.
        columns: int64 [items], the place of each item in `rows`; −1 for an item that is not there.
    """

    rows: NDArray[np.int64]
    log_weights: NDArray[np.float32]
    columns: NDArray[np.int64]

    def columns_of(self, items: NDArray[np.integer]) -> NDArray[np.int64]:
        """The columns of some items (int, any shape); −1 for an item without one."""
        return np.asarray(self.columns[items])


class CandidateSampler:
    """Draws the items of each batch's softmax.

    Up to `exact_items` items, the softmax is over all of them. Otherwise it is over the query items of the batch and a
    uniform sample of the others. Each drawn item also stands for others that were not drawn. So this is a stratified,
    unbiased estimate of the softmax's denominator. Query items are never drawn twice.
    """

    def __init__(self, trained: NDArray[np.int64], items: int, exact_items: int) -> None:
        """Keep the items.

        Args:
            trained: int64 [T], rows of the items that have training ratings.
            items: Number of all items.
            exact_items: The largest softmax.
        """
        self._trained = trained
        self._items = items
        self._exact_items = exact_items
        self._all = self._of(trained, np.zeros(len(trained))) if len(trained) <= exact_items else None

    def draw(self, batch: EpisodeBatch, generator: np.random.Generator) -> Candidates:
        """The items for a batch."""
        if self._all is not None:
            return self._all
        is_trained = np.zeros(self._items, dtype=np.bool_)
        is_trained[self._trained] = True
        queried = np.unique(batch.query_items[batch.query_mask])
        queried = queried[is_trained[queried]].astype(np.int64)
        is_trained[queried] = False
        others = np.flatnonzero(is_trained)
        drawn = others[generator.permutation(len(others))[: max(1, self._exact_items - len(queried))]]
        weights = np.concatenate([np.ones(len(queried)), np.full(len(drawn), len(others) / max(1, len(drawn)))])
        return self._of(np.concatenate([queried, drawn]), np.log(weights))

    def _of(self, rows: NDArray[np.int64], log_weights: NDArray[np.float64]) -> Candidates:
        columns = np.full(self._items, -1, dtype=np.int64)
        columns[rows] = np.arange(len(rows))
        return Candidates(rows, log_weights.astype(np.float32), columns)
