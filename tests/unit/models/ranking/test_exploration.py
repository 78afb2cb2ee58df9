"""Exploration: the distribution of the draws, and the lists that come of them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel, load_artifact
from models.learners.heads.base import Draw, Latent
from models.ranking import RankingQuery, Recommender
from models.ranking.exploration import Exploration, draw_of, explorations, share_shapes
from models.ranking.query import ItemInteraction, RankBy
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, ids, items_of

FAN = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5)
STRANGER = RankingQuery(**NOTHING, n=5)
USERS = pytest.mark.parametrize("query", [FAN, STRANGER], ids=["known user", "stranger"])
SEEDS = range(60)


@pytest.fixture(scope="module")
def with_new_item(recommender: Recommender) -> Recommender:
    return recommender.with_changes(items_of(recommender.model, ("new", {"genre": ["comedy"]})), ())


@pytest.fixture(scope="module")
def small(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


@pytest.mark.parametrize("explore", [1.0, 0.5])
def test_drawn_share_has_the_mean_and_the_variance_of_its_gamma_distribution(
    small: Recommender, explore: float
) -> None:
    catalogue = small.with_changes(items_of(small.model, ("new", {"genre": ["comedy"]})), ()).catalogue
    row, known = catalogue.row_of("new"), catalogue.row_of("i1")
    queries = [replace(FAN, explore=explore, seed=seed) for seed in range(4000)]
    draws = [Exploration.of(catalogue, query, 0.0).log_shares for query in queries]
    shape = share_shapes(catalogue)[row]
    assert shape == catalogue.model.choice.config.popularity_prior == 1
    new = np.array([draw[row] for draw in draws]) / explore
    # A Gamma distribution of the shape and the rate 1 is exponential; the logarithm of it has the variance π²/6.
    assert np.exp(new).mean() == pytest.approx(1.0, abs=0.05)
    assert np.exp(new).var() == pytest.approx(1.0, abs=0.15)
    assert new.mean() == pytest.approx(-np.euler_gamma, abs=0.06)
    assert new.var() == pytest.approx(math.pi**2 / 6, rel=0.08)
    assert np.var([draw[known] for draw in draws]) < 0.1 * explore**2


def test_drawn_preference_for_an_item_that_training_did_not_see_is_log_normal(small: Recommender) -> None:
    catalogue = small.with_changes(items_of(small.model, ("new", {"genre": ["comedy"]})), ()).catalogue
    row, known = catalogue.row_of("new"), catalogue.row_of("i1")
    queries = [replace(FAN, explore=0.5, seed=seed) for seed in range(4000)]
    preferences = np.array(
        [
            Exploration.of(catalogue, query, 1.2).log_shares - Exploration.of(catalogue, query, 0.0).log_shares
            for query in queries
        ]
    )
    assert preferences[:, row].var() == pytest.approx(0.6**2, rel=0.08)
    assert np.exp(preferences[:, row]).mean() == pytest.approx(1.0, abs=0.05)
    assert not preferences[:, known].any()


def test_deviation_of_a_user_follows_what_attributes_leave_out(small: Recommender) -> None:
    choice, catalogue, query = small.model.choice, small.catalogue, replace(FAN, explore=1.0, seed=0)
    trained = catalogue.attributes(np.flatnonzero(catalogue.trained_counts))
    own = torch.randn(1, choice.config.dimensions, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        errors = choice.unpredicted(small.model.manifest.item_encoder.encode(trained))
        (drawn,) = explorations(catalogue, [query], catalogue.unknown_user[1] + own)
    assert drawn is not None
    expected = Exploration.of(catalogue, query, (errors @ own[0]).square().mean().sqrt().item())
    assert not np.allclose(drawn.log_shares, Exploration.of(catalogue, query, 0.0).log_shares)
    np.testing.assert_allclose(drawn.log_shares, expected.log_shares, rtol=1e-3, atol=1e-5)


def test_shape_grows_with_ratings_in_training_and_since(small: Recommender) -> None:
    changed = small.with_changes(items_of(small.model, ("new", {}), ("newer", {})), ())
    rated = changed.with_new_ratings({"new": (4, 5.0, 100), "newer": (1, 5.0, 100)}).catalogue
    shapes = share_shapes(rated)
    assert shapes[rated.row_of("new")] == 1 + 3
    assert shapes[rated.row_of("newer")] == 1
    assert shapes[rated.row_of("i1")] == 1 + rated.trained_counts[rated.row_of("i1")]


def test_latent_draws_keep_the_distribution_of_the_ratings() -> None:
    latent = Latent(torch.full((1, 200_000), 3.5), torch.full((1, 200_000), 0.64))
    deviations = torch.randn(1, 200_000, generator=torch.Generator().manual_seed(0))
    for strength in (0.0, 0.5, 1.0):
        drawn = latent.given(Draw(deviations, torch.tensor([[strength]])))
        assert drawn.mean.std().item() == pytest.approx(0.8 * strength, abs=0.01)
        assert drawn.mean.var().item() + drawn.variance[0, 0].item() == pytest.approx(0.64, abs=0.01)
        assert drawn.mean.mean().item() == pytest.approx(3.5, abs=0.01)


@USERS
def test_list_without_exploration_is_the_same_with_any_seed(recommender: Recommender, query: RankingQuery) -> None:
    assert recommender.recommend(replace(query, explore=0.0, seed=3)) == recommender.recommend(query)


@USERS
def test_same_seed_gives_the_same_list_whatever_the_order_of_the_items(
    with_new_item: Recommender, query: RankingQuery
) -> None:
    items = with_new_item.items
    reversed_items = type(items)(items.table.reverse())
    other = Recommender(with_new_item.model, reversed_items)
    for seed in range(5):
        exploring = replace(query, explore=1.0, seed=seed)
        expected = ids(with_new_item.recommend(exploring))
        assert ids(with_new_item.recommend(exploring)) == expected
        assert ids(other.recommend(exploring)) == expected


@USERS
def test_new_item_is_in_more_lists_with_more_exploration(with_new_item: Recommender, query: RankingQuery) -> None:
    shares = []
    for explore in (0.0, 0.5, 1.0):
        lists = with_new_item.recommend_many([replace(query, explore=explore, seed=seed) for seed in SEEDS])
        shares.append(np.mean(["new" in ids(ranked) for ranked in lists]))
    assert shares[0] in (0, 1)
    assert 0 < shares[2] < 1
    assert shares[0] == 1 or shares[0] <= shares[1] <= shares[2]


def test_list_does_not_depend_on_the_other_users(with_new_item: Recommender) -> None:
    exploring, plain = replace(FAN, explore=1.0, seed=1), FAN
    together = with_new_item.recommend_many([exploring, plain, replace(exploring, seed=2)])
    assert [ids(ranked) for ranked in together] == [
        ids(with_new_item.recommend(query)) for query in (exploring, plain, replace(exploring, seed=2))
    ]


def test_answer_shows_the_figures_of_the_model_and_not_the_draw(recommender: Recommender) -> None:
    shown = {item.item_id: item for item in recommender.recommend(replace(FAN, n=40))}
    for item in recommender.recommend(replace(FAN, n=40, explore=1.0, seed=0)):
        assert item.predicted_rating == pytest.approx(shown[item.item_id].predicted_rating, rel=1e-5)
        assert item.choice_probability == pytest.approx(shown[item.item_id].choice_probability, rel=1e-4)


def test_list_by_ratings_does_not_explore(recommender: Recommender) -> None:
    by_rating = replace(FAN, rank_by=RankBy.RATING)
    assert recommender.recommend(replace(by_rating, explore=1.0)) == recommender.recommend(by_rating)


def test_lists_without_a_seed_differ(recommender: Recommender) -> None:
    lists = recommender.recommend_many([replace(FAN, n=40, explore=1.0)] * 10)
    assert len({tuple(ids(ranked)) for ranked in lists}) > 1


def test_model_without_ratings_explores_the_shares(implicit_model_dir: Path) -> None:
    model = load_artifact(implicit_model_dir)
    recommender = Recommender(model, model.items)
    bought = RankingQuery(attributes={}, ratings=[], n=40, interactions=[ItemInteraction("i1", "purchase")])
    lists = recommender.recommend_many([replace(bought, explore=1.0, seed=seed) for seed in range(10)])
    assert len({tuple(ids(ranked)) for ranked in lists}) > 1


def test_large_catalogue_shortlists_the_items_with_high_draws(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.ranking.part.EXACT_ITEMS", 10)
    monkeypatch.setattr("models.ranking.shortlist._MIN_ITEMS", 5)
    monkeypatch.setattr("models.ranking.shortlist._TIMES", 1)
    large = Recommender(model, model.items)
    shortlist = large.catalogue.parts[0].embedded[RankBy.CHOICE].shortlist
    assert shortlist is not None
    user, adapted = large.catalogue.unknown_user
    every = np.ones(40, dtype=np.bool_)
    plain = shortlist.rows(adapted, user, every, 3)
    (last,) = np.setdiff1d(np.arange(40), plain)[-1:]
    raised = np.zeros(40, dtype=np.float32)
    raised[last] = 100.0
    assert last in shortlist.rows(adapted, user, every, 3, raised)


def test_no_draw_is_needed_if_no_list_explores() -> None:
    assert draw_of([None, None], np.zeros((2, 3), dtype=np.int64), torch.device("cpu")) is None
