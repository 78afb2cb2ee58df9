"""What a query's rules change: boosts, pinned items, the only items, and diversity."""

from pathlib import Path

import pytest

from models.artifact import load_artifact
from models.ranking import RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import Boost, ItemInteraction, RankBy
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, genres, ids

FAN = {"attributes": {}, "ratings": COMEDY_FAN}
FAN_PURCHASES = [ItemInteraction(item_id, "purchase") for item_id in ("i1", "i3", "i5")]
USERS = pytest.mark.parametrize("user", [FAN, NOTHING], ids=["known user", "stranger"])


@USERS
def test_boost_raises_what_it_names(recommender: Recommender, user: dict) -> None:
    before = ids(recommender.recommend(RankingQuery(**user, n=40)))
    last = before[-1]
    after = ids(recommender.recommend(RankingQuery(**user, n=40, boosts=[Boost(1e9, item_ids=[last])])))
    assert after[0] == last
    assert [item for item in after if item != last] == before[:-1] or user is NOTHING  # a diverse list is another one


@pytest.mark.parametrize("rank_by", RankBy)
def test_boost_by_attribute_raises_the_items_that_have_it(recommender: Recommender, rank_by: RankBy) -> None:
    boosts = [Boost(1e9, where={"genre": FieldFilter(("horror",))})]
    assert set(genres(recommender.recommend(RankingQuery(**FAN, n=10, boosts=boosts, rank_by=rank_by)))) == {"horror"}


@USERS
def test_lowered_item_falls_and_stays_in_the_list(recommender: Recommender, user: dict) -> None:
    first = recommender.recommend(RankingQuery(**user, n=40))[0]
    lowered = recommender.recommend(RankingQuery(**user, n=40, boosts=[Boost(1e-9, item_ids=[first.item_id])]))
    assert ids(lowered)[-1] == first.item_id
    assert lowered[-1].choice_probability == pytest.approx(first.choice_probability, rel=1e-5)


def test_boosts_of_one_item_are_multiplied(recommender: Recommender) -> None:
    boosts = [Boost(8.0, item_ids=["i7"]), Boost(0.125, item_ids=["i7", "unknown"])]
    assert recommender.recommend(RankingQuery(**FAN, n=9, boosts=boosts)) == recommender.recommend(
        RankingQuery(**FAN, n=9)
    )


@USERS
def test_pinned_items_come_first_in_their_order_if_they_may_be_in_the_list(
    recommender: Recommender, user: dict
) -> None:
    ranked = recommender.recommend(RankingQuery(**user, n=5, pinned=["i8", "unknown", "i6", "i12"], exclude=["i12"]))
    assert ids(ranked)[:2] == ["i8", "i6"]
    assert len(set(ids(ranked))) == len(ranked) == 5
    assert [item.rank for item in ranked] == [1, 2, 3, 4, 5]


@USERS
def test_list_of_given_items_has_these_only(recommender: Recommender, user: dict) -> None:
    only = ["i5", "i6", "unknown", "i20"]
    assert set(ids(recommender.recommend(RankingQuery(**user, n=9, only=only)))) == {"i5", "i6", "i20"}


def test_probabilities_of_choice_among_given_items_add_up_to_one(recommender: Recommender) -> None:
    ranked = recommender.recommend(RankingQuery(**FAN, n=9, only=["i5", "i6", "i20"]))
    assert sum(item.choice_probability for item in ranked) == pytest.approx(1.0, abs=1e-5)


def test_diverse_list_has_items_that_other_people_choose(implicit_model_dir: Path) -> None:
    model = load_artifact(implicit_model_dir)
    recommender, fan = Recommender(model, model.items), {"attributes": {}, "ratings": [], "interactions": FAN_PURCHASES}
    assert set(genres(recommender.recommend(RankingQuery(**fan, n=8)))) == {"comedy"}
    diverse = recommender.recommend(RankingQuery(**fan, n=8, diversity=0.9))
    assert set(genres(diverse)) == {"comedy", "horror"}
    assert ids(diverse)[0] == ids(recommender.recommend(RankingQuery(**fan, n=1)))[0]
