"""Lists of the two-tastes data: the whole way from a trained model to the report."""

from dataclasses import replace

import numpy as np
import pytest

from models.artifact import TrainedModel
from models.baselines.lists import LIST_BASELINES, ials
from models.data.dataset import Dataset, State
from models.data.evaluation_episodes import Order
from models.data.list_episodes import ListEpisodes
from models.data.splits import Split
from models.evaluation import EvaluationConfig, evaluate
from models.evaluation.figures import ListsReport, ListTable
from models.evaluation.lists.contest import ListContest, bounded
from models.ranking.query import ItemRating, RankingQuery
from models.ranking.recommender import Recommender
from tests.unit.models.tiny_data import tiny_episode, with_times

CONFIG = EvaluationConfig(bootstrap_resamples=100, states=("user_cold",), baselines=())

ORDERS = ("tiny", "tiny, ranked by rating")
"""The orders in which the model recommends."""


def lists_of(model: TrainedModel, dataset: Dataset, config: EvaluationConfig = CONFIG) -> ListsReport | None:
    return evaluate(model, dataset, config)[0].lists


@pytest.fixture(scope="module")
def lists(model: TrainedModel, two_tastes: Dataset) -> ListsReport:
    found = lists_of(model, two_tastes)
    assert found is not None
    return found


def ndcg(table: ListTable, name: str) -> list[float]:
    (found,) = (contestant for contestant in table.contestants if contestant.name == name)
    return [cell.measures["list_ndcg@10"].value for cell in found.by_size]


def test_contestants_are_the_model_and_all_baselines(lists: ListsReport) -> None:
    assert [contestant.name for contestant in lists.catalogue.contestants] == [*ORDERS, *LIST_BASELINES]
    assert lists.new_items is not None
    assert [contestant.name for contestant in lists.new_items.contestants] == [*ORDERS, "attribute neighbours"]


def test_catalogue_is_whole_and_new_items_are_apart(lists: ListsReport, two_tastes: Dataset) -> None:
    assert lists.catalogue.items == len(two_tastes.items)
    assert lists.new_items is not None
    assert lists.new_items.items == 8


def test_personal_lists_beat_popularity_on_two_tastes(lists: ListsReport) -> None:
    popular = ndcg(lists.catalogue, "popularity")[-1]
    for name in ("tiny", "item neighbours", "EASE", "iALS"):
        assert ndcg(lists.catalogue, name)[-1] > 1.2 * popular, name
    assert lists.new_items is not None
    assert ndcg(lists.new_items, "tiny")[-1] > 1.2 * ndcg(lists.new_items, "tiny")[0]


def test_small_data_have_fewer_sizes_and_a_note(lists: ListsReport) -> None:
    assert lists.catalogue.sizes == (0, 1, 3, 5, 10)
    assert any(note.startswith("Lists are measured after at most 10 ratings") for note in lists.notes)


def test_model_lists_are_those_of_the_recommender(model: TrainedModel, two_tastes: Dataset) -> None:
    split = Split.of(two_tastes, model.split)
    contest = ListContest.of(model, two_tastes, split, CONFIG)
    assert contest is not None
    recommender = Recommender(model, two_tastes.items)
    fields = [field.name for field in two_tastes.schema.users.fields]
    for episode in contest.episodes.catalogue[:5]:
        few = episode.with_support(slice(3))
        attributes = two_tastes.users.table.select(fields).row(few.user, named=True)
        ratings = [
            ItemRating(two_tastes.items.ids[item], float(rating))
            for item, rating in zip(few.support_items, few.support_ratings, strict=True)
        ]
        recommended = recommender.recommend(RankingQuery(attributes, ratings, n=10))
        shown = {two_tastes.items.row_of[item.item_id] for item in recommended}
        (measured,) = contest.measured(contest.models, [few], contest.catalogue)["tiny"][2:3]
        assert measured.values["recall@10"][0] == pytest.approx(
            len(shown & set(few.query_items.tolist())) / min(10, len(few.query_items))
        )


def test_missing_baseline_is_named(model: TrainedModel, two_tastes: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ials, "AlternatingLeastSquares", None)
    found = lists_of(model, two_tastes, CONFIG.model_copy(update={"list_baselines": ("popularity", "iALS")}))
    assert found is not None
    assert [contestant.name for contestant in found.catalogue.contestants] == [*ORDERS, "popularity"]
    assert "iALS is left out: the package implicit is not installed." in found.notes


def test_lists_in_order_of_time_differ(model: TrainedModel, two_tastes: Dataset, lists: ListsReport) -> None:
    config = CONFIG.model_copy(update={"order": Order.TIME, "list_baselines": ("popularity",)})
    found = lists_of(model, with_times(two_tastes), config)
    assert found is not None
    assert ndcg(found.catalogue, "popularity") != ndcg(lists.catalogue, "popularity")


def test_lists_without_new_users_or_of_other_states_are_missing(model: TrainedModel, two_tastes: Dataset) -> None:
    assert lists_of(model, two_tastes, CONFIG.model_copy(update={"states": ("item_cold",)})) is None
    known = np.where(two_tastes.ratings.items < 32, State.WARM, State.ITEM_COLD).astype(np.int8)
    no_new_users = replace(two_tastes, ratings=replace(two_tastes.ratings, states=known))
    assert lists_of(model, no_new_users) is None


def test_large_catalogue_has_fewer_users_evenly_spaced() -> None:
    episodes = [tiny_episode(user=user, support=[], query=[(0, 5.0)]) for user in range(9)]
    kept = bounded(ListEpisodes((0,), episodes, episodes[:2]), 50_000_000)
    assert [episode.user for episode in kept.catalogue] == [0, 2, 5, 8]
    assert len(kept.new_items) == 2


def test_unknown_list_baseline_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'luck' is not a baseline for lists: use popularity, "):
        EvaluationConfig(list_baselines=("luck",))
