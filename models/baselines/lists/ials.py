"""Implicit alternating least squares, from the library `implicit`, an optional package."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from models.baselines.lists.base import BaselineLeftOutError, ListBaseline, ListRanker
from models.baselines.lists.rated_items import RatedItems
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

try:
    from implicit.cpu.als import AlternatingLeastSquares
except ImportError:  # pragma: no cover - the tests install it
    AlternatingLeastSquares = None

_SEED = 0
"""Seed of the factors' initial values. It is fixed, so that the baseline is the same in every report."""


class IALS(ListBaseline):
    """`s_j = p_iᵀ q_j`, minimising `Σ_ij c_ij (1[x_ij > 0] − p_iᵀ q_j)² + λ (Σ_i |p_i|² + Σ_j |q_j|²)`.

    The confidence c_ij is α x_ij, and 1 where x_ij = 0 (Hu, Koren & Volinsky, ICDM 2008, with the library's α x in
    place of 1 + α x). A new user is folded in: p_i solves the same least squares for the support set, given all q_j. A
    user whose support set counts nothing gets the popularity.

    Attributes:
        factors: The length of p and q.
        ridge: λ.
        confidence: α.
        iterations: Alternating steps.
        other_weight: Weight of a rated item that is not liked.
    """

    name: ClassVar[str] = "iALS"

    factors: Annotated[int, Field(ge=1)] = 64
    ridge: Annotated[float, Field(gt=0)] = 150.0
    confidence: Annotated[float, Field(gt=0)] = 7.0
    iterations: Annotated[int, Field(ge=1)] = 15
    other_weight: Annotated[float, Field(ge=0, le=1)] = 0.0

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Factorise."""
        if AlternatingLeastSquares is None:
            raise BaselineLeftOutError("iALS is left out: the package implicit is not installed.")
        rated = RatedItems(dataset, training, other_weight=self.other_weight)
        with threadpool_limits(1, "blas"):  # the library warns otherwise: it has threads of its own
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.ridge,
                alpha=self.confidence,
                iterations=self.iterations,
                num_threads=1,
                random_state=_SEED,
            )
            model.fit(rated.matrix, show_progress=False)
        return _Ranker(rated, model)


class _Ranker:
    gives_logits = False

    def __init__(self, rated: RatedItems, model: "AlternatingLeastSquares") -> None:
        self._rated = rated
        self._model = model

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        support = self._rated.of_batch(batch)
        # The library asks for an array that can be written. One that came from another process may not be.
        self._model.item_factors = np.require(self._model.item_factors, requirements="W")
        users = self._model.recalculate_user(np.arange(len(batch.users)), support)
        return self._rated.with_popularity(users @ self._model.item_factors.T, support)
