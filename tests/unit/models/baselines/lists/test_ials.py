import numpy as np
import pytest

from models.baselines.lists import BaselineLeftOutError, ials
from models.baselines.lists.ials import IALS
from tests.unit.models.baselines.lists.checkerboard import checkerboard, fitted, interactions, scores_of

pytest.importorskip("implicit", reason="implicit is only installed for the benchmarks")

SETTINGS = IALS(factors=4, ridge=0.5, confidence=3.0)


def test_fold_in_solves_the_weighted_least_squares_of_the_paper() -> None:
    dataset = checkerboard()
    ranker = fitted(SETTINGS, dataset)
    items = ranker._model.item_factors.astype(np.float64)
    support = [(2, 5.0), (5, 4.0), (7, 1.0)]
    confidence, preference = np.ones(len(items)), np.zeros(len(items))
    confidence[[2, 5]], preference[[2, 5]] = 3.0, 1.0
    weighted = items.T * confidence
    user = np.linalg.solve(weighted @ items + 0.5 * np.eye(4), weighted @ preference)
    np.testing.assert_allclose(scores_of(ranker, support), items @ user, rtol=1e-3, atol=1e-4)


def test_factorisation_reaches_the_paper_s_fixed_point() -> None:
    """After the last step, the items' factors are the least squares solution for the users' factors."""
    dataset = checkerboard()
    model = fitted(IALS(factors=4, ridge=0.5, confidence=3.0, iterations=100), dataset)._model
    users, items = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    matrix = interactions(dataset)
    for item in (0, 5):
        confidence = np.where(matrix[:, item] > 0, 3.0, 1.0)
        weighted = users.T * confidence
        expected = np.linalg.solve(weighted @ users + 0.5 * np.eye(4), weighted @ (matrix[:, item] > 0))
        np.testing.assert_allclose(items[item], expected, rtol=0.05, atol=0.02)


def test_missing_package_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ials, "AlternatingLeastSquares", None)
    with pytest.raises(BaselineLeftOutError, match="the package implicit is not installed"):
        fitted(SETTINGS, checkerboard())
