"""Items that are not available: in no list, but what users did with them counts."""

import numpy as np
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.elicitation.strategy import Strategy
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.similar import SimilarQuery, similar_items
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, ids, items_of

HIDDEN = ["i5", "i6"]


def part_of(recommender: Recommender, item_ids: list[str]) -> Entities:
    items = recommender.items
    return Entities(items.table[[items.row_of[item_id] for item_id in item_ids]])


@pytest.fixture
def hiding(recommender: Recommender) -> Recommender:
    return recommender.with_changes(part_of(recommender, HIDDEN), (), HIDDEN)


def everything(recommender: Recommender) -> list[set[str]]:
    """The items of each kind of list."""
    lists = [
        recommender.recommend(RankingQuery(**NOTHING, n=100)),
        recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100, include_rated=True)),
        recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100, only=recommender.items.ids)),
        recommender.recommend(
            RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100, include_rated=True, pinned=HIDDEN)
        ),
        *(recommender.candidates(strategy=strategy, n=100) for strategy in Strategy),
        similar_items(recommender.catalogue, SimilarQuery([], n=100, described={"genre": ["comedy"]})),
    ]
    return [set(ids(own)) for own in lists]


def test_hidden_items_are_in_no_list(recommender: Recommender, hiding: Recommender) -> None:
    assert all(own == {*recommender.items.ids} for own in everything(recommender))
    assert all(own == {*recommender.items.ids} - {*HIDDEN} for own in everything(hiding))


def test_hidden_items_keep_their_rows_and_are_not_encoded_again(recommender: Recommender, hiding: Recommender) -> None:
    assert hiding.catalogue.parts == recommender.catalogue.parts
    assert np.array_equal(hiding.catalogue.present, recommender.catalogue.present)


def test_hidden_item_with_new_attributes_is_encoded_and_hidden(recommender: Recommender) -> None:
    changed = items_of(recommender.model, ("i5", {"genre": ["horror"]}), ("new", {"genre": ["horror"]}))
    hiding = recommender.with_changes(changed, (), ["i5", "new"])

    assert all(own == {*recommender.items.ids} - {"i5"} for own in everything(hiding))
    assert hiding.catalogue.column("genre")[hiding.catalogue.row_of("i5")].to_list() == ["horror"]


def test_item_that_is_available_again_is_in_the_lists_as_before(recommender: Recommender, hiding: Recommender) -> None:
    back = hiding.with_changes(part_of(hiding, ["i5"]), ())

    assert all(own == {*recommender.items.ids} - {"i6"} for own in everything(back))
    again = back.with_changes(part_of(back, ["i6"]), ())
    query = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)
    assert again.recommend(query) == recommender.recommend(query)


def test_hidden_items_stay_hidden_when_others_change_and_ratings_arrive(hiding: Recommender) -> None:
    changed = hiding.with_changes(items_of(hiding.model, ("new", {}), ("i7", {"genre": ["horror"]})), ["i8"])
    rated = changed.with_new_ratings({"i5": (3, 4.0, 3), "i7": (2, 5.0, 2)})

    for own in (changed, rated):
        assert all(listed == {*own.items.ids} - {*HIDDEN} for listed in everything(own))
    assert {"new", "i5"} <= {*rated.items.ids}


def test_removed_item_that_comes_back_is_not_hidden(recommender: Recommender, hiding: Recommender) -> None:
    items = part_of(recommender, ["i5"])
    back = hiding.with_changes(Entities(items.table.clear()), ["i5"]).with_changes(items, ())

    assert all("i5" in own for own in everything(back))


def test_rating_of_a_hidden_item_counts_as_before(recommender: Recommender, model: TrainedModel) -> None:
    fan = RankingQuery(attributes={}, ratings=[*COMEDY_FAN, ItemRating("i5", 5.0)], n=5)
    hidden_from_the_start = Recommender(model, model.items, hidden=["i5"])

    assert hidden_from_the_start.recommend(fan) == recommender.recommend(fan)


def test_hidden_item_has_similar_items(recommender: Recommender, hiding: Recommender) -> None:
    listed = similar_items(hiding.catalogue, SimilarQuery(["i5"], n=100))

    assert ids(listed) == [
        item for item in ids(similar_items(recommender.catalogue, SimilarQuery(["i5"], n=100))) if item != "i6"
    ]
