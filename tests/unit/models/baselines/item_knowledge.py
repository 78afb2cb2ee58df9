"""Items with given or random biases, factors and features, for tests of baselines."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from models.baselines.collaborative_content import RANK, CollaborativeContent


def random_items(count: int, *, features: ArrayLike | None = None) -> CollaborativeContent:
    """Items with random biases, factors and, unless given, features."""
    generator = np.random.default_rng(0)
    return CollaborativeContent(
        mean=3.5,
        biases=generator.normal(0.0, 0.5, count),
        factors=generator.normal(0.0, 0.5, (count, RANK)),
        counts=np.full(count, 10),
        features=sparse.csr_matrix(generator.random((count, 6)) if features is None else np.asarray(features)),
    )
