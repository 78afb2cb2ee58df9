import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from models.baselines.lists import item_neighbours
from models.baselines.lists.item_neighbours import LikedItemNeighbours
from tests.unit.models.baselines.lists.checkerboard import checkerboard, fitted, interactions, scores_of


@pytest.mark.parametrize("other_weight", [0.0, 0.5])
def test_scores_without_shrinkage_are_sums_of_the_cosines_of_scikit_learn(other_weight: float) -> None:
    dataset = checkerboard()
    cosines = cosine_similarity(interactions(dataset, other_weight).T)
    np.fill_diagonal(cosines, 0.0)
    ranker = fitted(LikedItemNeighbours(shrinkage=0.0, other_weight=other_weight), dataset)
    found = scores_of(ranker, [(2, 5.0), (5, 4.0), (7, 1.0)])
    np.testing.assert_allclose(found, cosines[2] + cosines[5] + other_weight * cosines[7], rtol=1e-5)


def test_shrinkage_is_added_to_the_denominator() -> None:
    dataset = checkerboard()
    matrix = interactions(dataset)
    both, norms = matrix[:, 0] @ matrix[:, 2], np.linalg.norm(matrix, axis=0)
    found = scores_of(fitted(LikedItemNeighbours(shrinkage=30.0), dataset), [(0, 5.0)])
    assert found[2] == pytest.approx(both / (norms[0] * norms[2] + 30.0))


def test_scores_of_a_large_catalogue_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, support = checkerboard(), [(2, 5.0), (5, 4.0), (7, 1.0)]
    kept = scores_of(fitted(LikedItemNeighbours(), dataset), support)
    monkeypatch.setattr(item_neighbours, "_KEPT_ITEMS", 3)
    np.testing.assert_allclose(scores_of(fitted(LikedItemNeighbours(), dataset), support), kept, rtol=1e-6)
