"""Groups from clusters, and the choice of pairs."""

import numpy as np
import polars as pl

from models.data.schema import EntitySource
from models.elicitation.groups import group_subjects, k_means
from models.elicitation.pairs import all_pairs, best_pairs
from models.elicitation.question import QuestionKind
from models.elicitation.values import ValueIndex

SOURCE = EntitySource.model_validate({"fields": [{"name": "genre", "kind": "multi_valued"}]})


def checkerboard(items: int = 40) -> np.ndarray:
    """Features of items in two kinds, odd and even, with a little noise."""
    generator = np.random.default_rng(0)
    sides = np.where(np.arange(items) % 2, 1.0, -1.0)
    return np.asarray(np.stack([sides, -sides], axis=1) + 0.1 * generator.normal(size=(items, 2)), dtype=np.float32)


def test_k_means_finds_separate_clusters() -> None:
    clusters = k_means(checkerboard(), 2)

    assert len(set(clusters[::2].tolist())) == len(set(clusters[1::2].tolist())) == 1
    assert clusters[0] != clusters[1]


def test_k_means_of_equal_points_is_one_cluster() -> None:
    assert set(k_means(np.ones((5, 2), dtype=np.float32), 3).tolist()) == {0}
    assert k_means(np.empty((0, 2), dtype=np.float32), 3).tolist() == []


def test_groups_are_the_best_known_items_of_a_cluster_and_are_named_by_what_they_share() -> None:
    genres = [["comedy", "film"] if item % 2 else ["horror", "film"] for item in range(40)]
    table = pl.DataFrame({"genre": pl.Series(genres, dtype=pl.List(pl.String))})
    counts = np.arange(40)[::-1].copy()

    groups = group_subjects(checkerboard(), counts, ValueIndex(SOURCE, table, counts))

    assert {(each.kind, each.field, each.value) for each in groups} == {
        (QuestionKind.GROUP, "genre", "comedy"),
        (QuestionKind.GROUP, "genre", "horror"),
    }
    for each in groups:
        assert {row % 2 for row in each.rows.tolist()} == {1 if each.value == "comedy" else 0}
        assert (np.diff(counts[each.rows]) <= 0).all()
        np.testing.assert_allclose(each.weights, 1 / len(each.rows))


def test_best_pairs_have_the_highest_values_and_repeat_no_item_often() -> None:
    pairs = all_pairs(np.arange(6))
    values = np.array([10.0 if 0 in pair.rows else 1.0 for pair in pairs])

    best = [tuple(pair.rows.tolist()) for pair in best_pairs(pairs, values)]

    assert best[:3] == [(0, 1), (0, 2), (0, 3)]
    assert sum(0 in pair for pair in best) == 3
    assert len(set(best)) == len(best)
