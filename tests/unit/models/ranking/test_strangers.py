"""The list of an unknown user that starts with given items."""

from dataclasses import replace

import pytest

from models.ranking import RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import Boost, Leading, RankBy, RankedBy
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, genres, ids

ITEMS = ["i12", "i7", "i30", "i9"]
LED = RankingQuery(**NOTHING, n=8, leading=Leading(RankedBy.LATEST, ITEMS))


def test_list_starts_with_the_given_items_and_goes_on_with_popular_ones(recommender: Recommender) -> None:
    others = recommender.recommend(replace(LED, leading=None, exclude=ITEMS))
    led = recommender.recommend(LED)
    assert ids(led) == ITEMS + ids(others)[:4]
    assert [item.rank for item in led] == list(range(1, 9))
    assert recommender.ranked_by(LED) is RankedBy.LATEST


def test_figures_of_the_given_items_are_those_of_the_model(recommender: Recommender) -> None:
    popular = {item.item_id: item for item in recommender.recommend(replace(LED, n=40, leading=None))}
    for item in recommender.recommend(LED):
        same = popular[item.item_id]
        assert item.choice_probability == pytest.approx(same.choice_probability, rel=1e-5)
        assert item.predicted_rating == pytest.approx(same.predicted_rating, rel=1e-5)


def test_given_items_that_may_not_be_in_the_list_are_not(recommender: Recommender) -> None:
    query = replace(LED, exclude=["i7"], where={"genre": FieldFilter(("comedy",))})
    assert ids(recommender.recommend(query))[0] == "i9"
    assert set(genres(recommender.recommend(query))) == {"comedy"}


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.9, ["i12", "i7", "i9", "i30"]), (3.0, ["i12", "i9", "i7", "i30"]), (4.1, ["i9", "i12", "i7", "i30"])],
)
def test_boost_divides_the_place_of_an_item(recommender: Recommender, factor: float, expected: list[str]) -> None:
    boosted = recommender.recommend(replace(LED, boosts=[Boost(factor, item_ids=["i9"])]))
    assert ids(boosted)[:4] == expected


def test_pinned_item_comes_before_the_given_ones(recommender: Recommender) -> None:
    assert ids(recommender.recommend(replace(LED, pinned=["i3"])))[:3] == ["i3", "i12", "i7"]


def test_diverse_list_has_an_item_of_another_genre_earlier(recommender: Recommender) -> None:
    alike = ["i1", "i3", "i5", "i7", "i2"]
    query = replace(LED, n=3, leading=Leading(RankedBy.TRENDING, alike))
    assert ids(recommender.recommend(query)) == ["i1", "i3", "i5"]
    diverse = recommender.recommend(replace(query, diversity=0.9))
    assert ids(diverse)[0] == "i1"
    assert "horror" in genres(diverse)


@pytest.mark.parametrize("rank_by", RankBy)
def test_list_of_a_known_user_does_not_follow_the_given_items(recommender: Recommender, rank_by: RankBy) -> None:
    known = replace(LED, ratings=COMEDY_FAN, rank_by=rank_by)
    assert recommender.recommend(known) == recommender.recommend(replace(known, leading=None))
    assert recommender.ranked_by(known) is RankedBy(rank_by)


def test_strangers_with_and_without_given_items_are_ranked_together(recommender: Recommender) -> None:
    queries = [LED, replace(LED, leading=None), replace(LED, rank_by=RankBy.RATING)]
    together = recommender.recommend_many(queries)
    assert [ids(ranked) for ranked in together] == [ids(recommender.recommend(query)) for query in queries]
