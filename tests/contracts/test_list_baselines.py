"""Every baseline for lists passes the same checks."""

import pkgutil
from importlib import import_module

import numpy as np
import pytest

import models.baselines.lists
from models.baselines.lists import LIST_BASELINES, NEW_ITEM_BASELINES, ListBaseline, ListRanker, list_baseline_class
from models.data.episodes import EpisodeBatch
from tests.unit.models.baselines.lists.checkerboard import ITEMS, checkerboard, fitted
from tests.unit.models.tiny_data import tiny_episode

EPISODES = [
    tiny_episode(support=[(0, 5.0), (4, 5.0), (3, 1.0)], query=[]),
    tiny_episode(support=[], query=[]),
    tiny_episode(support=[(7, 4.0)], query=[]),
    tiny_episode(support=[(8, 1.0)], query=[]),
    tiny_episode(support=[(ITEMS, 5.0)], query=[]),
]
ALL = (*LIST_BASELINES, *NEW_ITEM_BASELINES)
SAME_FOR_EVERYBODY = {"popularity", "popularity × mean liked"}


@pytest.fixture(scope="module", params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ranker(name: str) -> ListRanker:
    return fitted(list_baseline_class(name)(), checkerboard())


def test_registry_names_every_list_baseline_that_a_module_defines() -> None:
    path = models.baselines.lists.__path__
    modules = [import_module(f"models.baselines.lists.{found.name}") for found in pkgutil.iter_modules(path)]
    defined = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ListBaseline) and value is not ListBaseline
    }
    assert defined == set(ALL)


def test_scores_of_a_batch_are_finite_for_every_item(ranker: ListRanker) -> None:
    scores = ranker.scores(EpisodeBatch.of(EPISODES))
    assert scores.shape == (len(EPISODES), ITEMS + 1)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_scores_of_a_batch_equal_those_of_each_user_alone(ranker: ListRanker) -> None:
    together = ranker.scores(EpisodeBatch.of(EPISODES))
    for row, episode in enumerate(EPISODES):
        np.testing.assert_allclose(together[row], ranker.scores(EpisodeBatch.of([episode]))[0], rtol=1e-4, atol=1e-5)


def test_scores_do_not_depend_on_the_order_of_the_support(ranker: ListRanker) -> None:
    backwards = EPISODES[0].with_support(np.array([2, 1, 0]))
    np.testing.assert_allclose(
        *(ranker.scores(EpisodeBatch.of([episode])) for episode in (EPISODES[0], backwards)), rtol=1e-4, atol=1e-5
    )


def test_fitting_twice_gives_the_same_scores(name: str, ranker: ListRanker) -> None:
    batch = EpisodeBatch.of(EPISODES)
    again = fitted(list_baseline_class(name)(), checkerboard())
    np.testing.assert_array_equal(again.scores(batch), ranker.scores(batch))


@pytest.mark.parametrize("by_count", sorted(set(LIST_BASELINES) - {"popularity × mean liked"}))
def test_user_without_support_gets_the_popular_items(by_count: str) -> None:
    dataset = checkerboard()
    ranker = fitted(list_baseline_class(by_count)(), dataset)
    scores = ranker.scores(EpisodeBatch.of([EPISODES[1]]))
    assert scores.tolist() == [np.bincount(dataset.ratings.items, minlength=ITEMS + 1).tolist()]


@pytest.mark.parametrize("personal", sorted(set(ALL) - SAME_FOR_EVERYBODY))
def test_list_of_a_user_with_a_taste_has_the_items_of_that_taste(personal: str) -> None:
    ranker = fitted(list_baseline_class(personal)(), checkerboard())
    (scores,) = ranker.scores(EpisodeBatch.of([EPISODES[0]]))
    scores[[0, 3, 4]] = -np.inf
    assert sorted(np.argsort(-scores)[:4].tolist()) == [2, 6, 8, 10]


def test_settings_outside_their_range_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="extra"):
        list_baseline_class(name)(no_such_setting=1.0)
