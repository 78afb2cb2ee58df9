"""Where the item vectors start before training: at the similarities of items by who chose them."""

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Ratings

_SHRINKAGE = 20.0
"""Choices that are added to each item's number, so that items with few choices have short vectors."""

_SEED = 0


def neighbour_vectors(
    ratings: Ratings, chosen: NDArray[np.bool_], *, users: int, items: int, dimensions: int
) -> NDArray[np.float32]:
    """Item vectors whose inner products approximate the cosines of items by their users.

    The matrix X̂ has the entry 1/√(n_i (m_j + c)) where user i, who chose n_i items, chose item j, which has m_j users.
    With its leading singular values S and right singular vectors V, the vectors are V √S: so V S Vᵀ is
    a low-rank form of what item neighbours use (cf. Shen et al., "How Powerful is Graph Convolution for
    Recommendation?", CIKM 2021).

    Args:
        ratings: All ratings and interactions.
        chosen: bool [ratings], which of them are choices to learn from.
        users: Number of users.
        items: Number of items.
        dimensions: Length of the vectors. A smaller rank is filled up with zeros.

    Returns:
        float32 [items, dimensions].
    """
    # scipy is slow to import, and only training needs it.
    from scipy import sparse  # noqa: PLC0415
    from scipy.sparse.linalg import svds  # noqa: PLC0415

    rows, columns = ratings.users[chosen], ratings.items[chosen]
    by_user, by_item = np.bincount(rows, minlength=users), np.bincount(columns, minlength=items)
    entries = 1 / np.sqrt(by_user[rows] * (by_item[columns] + _SHRINKAGE))
    matrix = sparse.csr_matrix((entries, (rows, columns)), shape=(users, items))
    vectors = np.zeros((items, dimensions), dtype=np.float32)
    rank = min(dimensions, min(matrix.shape) - 1)
    if rank > 0:
        _, singular, right = svds(matrix, k=rank, random_state=_SEED)
        vectors[:, :rank] = right.T * np.sqrt(singular)
    return vectors
