import numpy as np
import pytest

from models.choice.candidates import CandidateSampler
from models.data.episodes import EpisodeBatch
from tests.unit.models.tiny_data import tiny_episode

ITEMS = 12
TRAINED = np.arange(ITEMS - 2)
"""The last two items have no training ratings."""

BATCH = EpisodeBatch.of(
    [
        tiny_episode(support=[(0, 5.0)], query=[(1, 5.0), (4, 1.0)]),
        tiny_episode(support=[], query=[(4, 3.0)]),
    ]
)


def test_few_items_are_all_candidates_with_weight_1() -> None:
    candidates = CandidateSampler(TRAINED, ITEMS, exact_items=10).draw(BATCH, np.random.default_rng(0))
    assert candidates.rows.tolist() == TRAINED.tolist()
    assert candidates.log_weights.tolist() == [0.0] * 10


def test_many_items_are_sampled_with_every_query_item_once() -> None:
    sampler, generator = CandidateSampler(TRAINED, ITEMS, exact_items=5), np.random.default_rng(0)
    for _ in range(50):
        rows = sampler.draw(BATCH, generator).rows.tolist()
        assert len(rows) == len(set(rows)) == 5
        assert {1, 4} <= set(rows) <= set(TRAINED.tolist())


def test_columns_are_the_places_of_the_rows() -> None:
    candidates = CandidateSampler(TRAINED, ITEMS, exact_items=5).draw(BATCH, np.random.default_rng(0))
    columns = candidates.columns_of(np.arange(ITEMS))
    assert columns[candidates.rows].tolist() == [0, 1, 2, 3, 4]
    assert (np.delete(columns, candidates.rows) == -1).all()


def test_sampled_denominator_is_the_exact_one_on_average() -> None:
    odds = np.exp(np.random.default_rng(1).normal(size=ITEMS))
    sampler, generator = CandidateSampler(TRAINED, ITEMS, exact_items=5), np.random.default_rng(0)
    draws = [sampler.draw(BATCH, generator) for _ in range(4000)]
    sums = [float(np.exp(drawn.log_weights) @ odds[drawn.rows]) for drawn in draws]
    error = np.std(sums) / np.sqrt(len(sums))
    assert 0 < error < 0.02 * odds[TRAINED].sum()
    assert np.mean(sums) == pytest.approx(odds[TRAINED].sum(), abs=4 * error)


@pytest.mark.parametrize(("query", "drawn"), [(range(4), 1), (range(10), 0)])
def test_many_query_items_leave_room_for_one_other_item_if_there_is_one(query: range, drawn: int) -> None:
    batch = EpisodeBatch.of([tiny_episode(support=[], query=[(item, 5.0) for item in query])])
    candidates = CandidateSampler(TRAINED, ITEMS, exact_items=3).draw(batch, np.random.default_rng(0))
    assert len(candidates.rows) == len(query) + drawn
    assert np.exp(candidates.log_weights).sum() == pytest.approx(len(TRAINED), rel=1e-6)


def test_query_items_without_training_ratings_are_no_candidates() -> None:
    batch = EpisodeBatch.of([tiny_episode(support=[], query=[(11, 5.0), (0, 5.0)])])
    candidates = CandidateSampler(TRAINED, ITEMS, exact_items=3).draw(batch, np.random.default_rng(0))
    assert candidates.columns_of(batch.query_items)[0, 0] == -1
    assert 11 not in candidates.rows
