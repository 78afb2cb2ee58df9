"""Representative items by maximum volume (RBMF, Liu et al., RecSys 2011)."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from models.data.dataset import Dataset
from models.elicitation.fixed import FixedQuestions

_RANK = 40
"""How many items represent the others: four screens of ten."""

_LARGEST_COEFFICIENT = 1.01
"""A swap must raise the volume by this factor, so that swapping ends (Goreinov et al. 2010)."""


def maxvol_questions(dataset: Dataset, training: NDArray[np.bool_], *, rank: int = _RANK) -> FixedQuestions:
    """Ask for the items whose rows of factors span the largest volume: the others are combinations of them.

    The factors are the right singular vectors of the rating matrix, unrated pairs being 0, as in the paper. The items
    are asked about in the order in which each adds the most volume.

    Args:
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.
        rank: The number of items; less where the data have fewer.
    """
    rows = np.flatnonzero(training & dataset.ratings.rated)
    items, values = dataset.ratings.items[rows], dataset.ratings.values[rows]
    shape = len(dataset.users), len(dataset.items)
    counts = np.bincount(items, minlength=shape[1])
    ratings = csr_array((values.astype(np.float64), (dataset.ratings.users[rows], items)), shape=shape)
    rank = min(rank, *(size - 1 for size in shape))
    start = np.random.default_rng(0).standard_normal(min(shape))
    _, _, factors = svds(ratings, k=rank, v0=start)
    chosen = maximum_volume_rows(np.asarray(factors.T))
    scores = np.zeros(shape[1])
    scores[chosen] = 1 - np.arange(len(chosen)) / max(len(chosen), 1)
    return FixedQuestions(scores, counts)


def maximum_volume_rows(factors: NDArray[np.float64]) -> NDArray[np.int64]:
    """As many rows as columns, whose square matrix has nearly the largest |determinant| (Goreinov et al. 2010).

    Args:
        factors: float64 [items, rank].

    Returns:
        int64 [rank], the row that adds most volume first.
    """
    rank = factors.shape[1]
    _, _, pivots = qr(factors.T, mode="economic", pivoting=True)
    chosen = np.array(pivots[:rank], dtype=np.int64)
    while True:
        # Row j in terms of the chosen rows: swapping it in multiplies the volume by its largest coefficient.
        coefficients = factors @ np.linalg.inv(factors[chosen])
        row, column = np.unravel_index(np.abs(coefficients).argmax(), coefficients.shape)
        if abs(coefficients[row, column]) < _LARGEST_COEFFICIENT:
            break
        chosen[column] = row
    _, _, order = qr(factors[chosen].T, mode="economic", pivoting=True)
    return np.asarray(chosen[order])
