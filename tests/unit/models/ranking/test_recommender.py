from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data.entity_table import entity_table
from models.fields import AttributeValue
from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import ItemInteraction, RankBy, RankedBy
from tests.unit.models.ranking.two_tastes import (
    COMEDY_FAN,
    HORROR_FAN,
    NOTHING,
    Ratings,
    by_id,
    genres,
    ids,
    items_of,
    shown_score,
    without_items,
)


class TestRecommend:
    @pytest.mark.parametrize(("ratings", "genre"), [(COMEDY_FAN, "comedy"), (HORROR_FAN, "horror")])
    def test_opposite_ratings_give_opposite_genres(
        self, recommender: Recommender, ratings: Ratings, genre: str
    ) -> None:
        assert genres(recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=5))) == [genre] * 5

    @pytest.mark.parametrize("rank_by", RankBy)
    def test_list_is_sorted_and_its_ranks_count_from_1(self, recommender: Recommender, rank_by: RankBy) -> None:
        ranked = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=10, rank_by=rank_by))
        scores = [shown_score(item, rank_by) for item in ranked]
        assert scores == sorted(scores, reverse=True)
        assert [item.rank for item in ranked] == list(range(1, 11))

    def test_short_list_is_the_beginning_of_a_long_one(self, recommender: Recommender) -> None:
        short, long = (recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=n)) for n in (3, 36))
        assert ids(short) == ids(long[:3])
        assert by_id(short) == pytest.approx(by_id(long[:3]), rel=1e-6)

    def test_predictions_stay_on_the_rating_scale(self, recommender: Recommender) -> None:
        extreme = [ItemRating(f"i{item}", 5.0 if item % 2 else 1.0) for item in range(30)]
        ranked = recommender.recommend(RankingQuery(attributes={}, ratings=extreme, n=40))
        assert all(1.0 <= item.predicted_rating <= 5.0 for item in ranked)

    def test_titles_are_those_of_the_catalogue(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=3))
        assert [item.title for item in ranked] == [f"Film {item.item_id[1:]}" for item in ranked]

    def test_rated_and_excluded_items_are_left_out(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(
            RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100, exclude=["i5", "i6", "unknown"])
        )
        left_out = {"i1", "i2", "i3", "i4", "i5", "i6"}
        assert set(ids(ranked)) == set(recommender.items.ids) - left_out

    def test_order_of_the_ratings_does_not_matter(self, recommender: Recommender) -> None:
        first, second = (
            by_id(recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=40)))
            for ratings in (COMEDY_FAN, COMEDY_FAN[::-1])
        )
        assert first == pytest.approx(second, rel=1e-5)

    def test_ratings_of_items_outside_the_catalogue_are_ignored(self, recommender: Recommender) -> None:
        expected = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5))
        actual = recommender.recommend(RankingQuery(attributes={}, ratings=[*COMEDY_FAN, ItemRating("gone", 1.0)], n=5))
        assert actual == expected

    def test_list_longer_than_the_catalogue_has_all_items(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(RankingQuery(attributes={"age": 30.0}, ratings=[], n=10_000))
        assert sorted(ids(ranked)) == sorted(recommender.items.ids)

    def test_list_of_length_0_is_empty(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0)) == []

    @pytest.mark.parametrize("visitor", [NOTHING, {"attributes": {"age": 30.0}, "ratings": COMEDY_FAN}])
    def test_list_of_an_empty_catalogue_is_empty(self, recommender: Recommender, visitor: dict[str, Any]) -> None:
        assert without_items(recommender).recommend(RankingQuery(**visitor, n=5)) == []

    @pytest.mark.parametrize(
        "attributes",
        [
            {"country": "Atlantis"},
            {"country": None, "age": None},
            {"age": -1e300},
            {"age": 1e300, "country": ""},
            {"shoe size": "44"},
        ],
    )
    def test_unusual_attributes_give_finite_predictions(
        self, recommender: Recommender, attributes: dict[str, AttributeValue]
    ) -> None:
        ranked = recommender.recommend(RankingQuery(attributes=attributes, ratings=COMEDY_FAN, n=40))
        assert len(ranked) == 36
        assert np.isfinite([item.predicted_rating for item in ranked]).all()

    def test_user_who_dislikes_everything_is_predicted_lower_ratings_than_a_stranger(
        self, recommender: Recommender
    ) -> None:
        rare = recommender.with_changes(items_of(recommender.model, ("new", {"genre": ["western"]})), [])
        dislikes = [ItemRating(f"i{item}", 1.0) for item in range(6)]
        strangers, dislikers = (
            by_id(rare.recommend(RankingQuery(attributes={}, ratings=ratings, n=41, include_rated=True)))
            for ratings in ([], dislikes)
        )
        # Items without any rating too: nothing known about an item is no reason to like it.
        assert all(dislikers[item_id] < rating for item_id, rating in strangers.items())

    @pytest.mark.parametrize("year", [-1.0, 0.0, 95.0, 1979.0, 2012.0, 1e9])
    def test_item_with_a_year_outside_training_is_predicted_like_one_of_the_nearest_year(
        self, recommender: Recommender, year: float
    ) -> None:
        nearest = 1980.0 if year < 1980 else 2011.0  # training has the films of 1980 to 2011; the later ones are new
        rows = [("odd", {"genre": ["horror"], "year": year}), ("nearest", {"genre": ["horror"], "year": nearest})]
        changed = recommender.with_changes(items_of(recommender.model, *rows), [])
        for ratings in ([], COMEDY_FAN, HORROR_FAN):
            query = RankingQuery(attributes={"country": "fr"}, ratings=ratings, n=42)
            predicted = by_id(changed.recommend(query))
            assert predicted["odd"] == pytest.approx(predicted["nearest"], rel=1e-6)

    @pytest.mark.parametrize(("age", "nearest"), [(-1.0, 18.0), (0.0, 18.0), (1e9, 67.0)])
    def test_user_with_an_age_outside_training_gets_the_list_of_the_nearest_age(
        self, recommender: Recommender, age: float, nearest: float
    ) -> None:
        lists = [
            recommender.recommend(RankingQuery(attributes={"age": value}, ratings=COMEDY_FAN, n=40))
            for value in (age, nearest)
        ]
        assert lists[0] == lists[1]

    def test_users_without_ratings_and_other_attributes_get_other_predictions(self, recommender: Recommender) -> None:
        young, old = (
            by_id(recommender.recommend(RankingQuery(attributes={"age": age}, ratings=[], n=40)))
            for age in (18.0, 67.0)
        )
        assert young != pytest.approx(old, abs=1e-4)

    def test_equal_predictions_are_ordered_by_popularity(self, recommender: Recommender) -> None:
        # All items of no known genre and no year look the same to the model.
        blank = items_of(recommender.model, *((f"i{item}", {}) for item in range(40)))
        ranked = recommender.with_changes(blank, ["i0"]).recommend(
            RankingQuery(attributes={"age": 30.0}, ratings=[], n=40, rank_by=RankBy.RATING)
        )
        counts = dict(recommender.model.statistics.select("id", "rating_count").iter_rows())
        assert len({item.predicted_rating for item in ranked}) == 1
        assert [counts[item_id] for item_id in ids(ranked)] == sorted(counts.values(), reverse=True)

    def test_ties_at_the_end_of_the_list_are_ordered_by_popularity(self, recommender: Recommender) -> None:
        blank = recommender.with_changes(items_of(recommender.model, *((f"i{row}", {}) for row in range(40))), [])
        short, long = (
            blank.recommend(RankingQuery(attributes={"age": 30.0}, ratings=[], n=n, rank_by=RankBy.RATING))
            for n in (7, 40)
        )
        assert ids(short) == ids(long[:7])


@given(
    age=st.none() | st.floats(15, 80),
    country=st.none() | st.sampled_from(["fr", "jp", "Atlantis"]),
    rated=st.dictionaries(st.integers(0, 45), st.integers(1, 5), min_size=1, max_size=12),
    n=st.integers(0, 45),
)
def test_list_by_rating_equals_the_best_of_all_predictions(
    recommender: Recommender, age: float | None, country: str | None, rated: dict[int, int], n: int
) -> None:
    ratings = [ItemRating(f"i{item}", float(rating)) for item, rating in rated.items()]
    query = RankingQuery({"age": age, "country": country}, ratings, n, rank_by=RankBy.RATING)
    model, table = recommender.model, recommender.items.table
    known = [(item, float(rating)) for item, rating in rated.items() if item < 40]
    user = entity_table(model.schema.users.fields, [("", None, query.attributes)])
    with torch.inference_mode():
        users = model.learner.embed_users(model.manifest.user_encoder.encode(user.table))
        items = model.learner.embed_items(model.manifest.item_encoder.encode(table))
        support = Support(
            users=users,
            items=items.take(torch.tensor([[row for row, _ in known]], dtype=torch.long)),
            ratings=torch.tensor([[rating for _, rating in known]]),
            mask=torch.ones(1, len(known), dtype=torch.bool),
        )
        predictions = model.learner.predict(model.learner.adapt(support), users, items.expand(1))
    allowed = sorted({*range(40)} - {row for row, _ in known})
    expected = sorted((predictions.score[0, row].item() for row in allowed), reverse=True)[:n]
    ranked = recommender.recommend(query)
    chosen = [recommender.items.row_of[item.item_id] for item in ranked]
    assert len(ranked) == len(expected)
    assert set(chosen) <= set(allowed)
    assert sorted(predictions.score[0, chosen].tolist(), reverse=True) == pytest.approx(expected, abs=1e-5)
    means = predictions.mean[0, chosen].tolist()
    assert [item.predicted_rating for item in ranked] == pytest.approx(means, abs=1e-5)


@pytest.mark.parametrize("rank_by", RankBy)
def test_ranked_by_is_popularity_for_strangers_alone(recommender: Recommender, rank_by: RankBy) -> None:
    def ranked_by(**known: Any) -> RankedBy:  # noqa: ANN401 - any field of a query
        return recommender.ranked_by(RankingQuery(**{**NOTHING, "n": 5, "rank_by": rank_by, **known}))

    assert ranked_by() == ranked_by(attributes={"age": None}) == RankedBy.POPULARITY
    known = [
        {"attributes": {"age": 30.0}},
        {"ratings": COMEDY_FAN},
        {"interactions": [ItemInteraction("i1", "view")]},
        {"skipped": ["i1"]},
    ]
    assert [ranked_by(**what) for what in known] == [RankedBy(rank_by)] * 4


class TestPredictedRatings:
    def test_predicted_ratings_follow_the_taste_and_not_the_other_items(self, recommender: Recommender) -> None:
        query = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0)

        ((comedy, unknown, horror),) = recommender.predicted_ratings([query], [["i5", "nothing", "i6"]])

        assert unknown is None
        assert comedy is not None
        assert horror is not None
        assert comedy > horror
        assert recommender.predicted_ratings([query], [["i6"]]) == [[pytest.approx(horror, abs=1e-5)]]

    def test_predicted_ratings_without_items_or_users_are_empty(self, recommender: Recommender) -> None:
        assert recommender.predicted_ratings([RankingQuery(**NOTHING, n=0)], [[]]) == [[]]
        assert recommender.predicted_ratings([], []) == []

    def test_predicted_ratings_of_many_users_equal_those_of_one_user_at_a_time(self, recommender: Recommender) -> None:
        tastes = [COMEDY_FAN, HORROR_FAN, []] * 20
        queries = [RankingQuery(attributes={}, ratings=taste, n=0) for taste in tastes]
        asked = [["i5", "i6"][: 1 + place % 2] for place in range(len(queries))]

        together = recommender.predicted_ratings(queries, asked)

        alone = [recommender.predicted_ratings([query], [own])[0] for query, own in zip(queries, asked, strict=True)]
        assert together == [pytest.approx(own, abs=1e-5) for own in alone]

    def test_predicted_ratings_with_squared_error_are_the_means(self, recommender: Recommender) -> None:
        query = RankingQuery(attributes={}, ratings=HORROR_FAN, n=40, include_rated=True)
        means = by_id(recommender.recommend(query))

        (medians,) = recommender.predicted_ratings([query], [list(means)])
        assert medians == pytest.approx(list(means.values()), abs=1e-5)


class TestRecommendMany:
    QUERIES = (
        RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5),
        RankingQuery(attributes={"age": 30.0, "country": "jp"}, ratings=HORROR_FAN[:1], n=40, include_rated=True),
        RankingQuery(attributes={}, ratings=[], n=7),
        RankingQuery(
            attributes={"age": 30.0}, ratings=[], n=3, where={"genre": FieldFilter(("horror",))}, exclude=["i0"]
        ),
        RankingQuery(attributes={}, ratings=[ItemRating("gone", 1.0)], n=3),
        RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0),
        RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5, rank_by=RankBy.RATING),
        RankingQuery(
            attributes={}, ratings=HORROR_FAN, n=5, interactions=[ItemInteraction("i5", "view")], skipped=["i7", "i9"]
        ),
    )

    @pytest.mark.parametrize("batch_predictions", [1, 100, 10_000])
    def test_lists_of_many_users_equal_those_of_one_user_at_a_time(
        self, recommender: Recommender, monkeypatch: pytest.MonkeyPatch, batch_predictions: int
    ) -> None:
        monkeypatch.setattr("models.ranking.catalogue._BATCH_SCORES", batch_predictions)
        together = recommender.recommend_many(self.QUERIES)
        alone = [recommender.recommend(query) for query in self.QUERIES]
        assert [ids(ranked) for ranked in together] == [ids(ranked) for ranked in alone]
        for ours, theirs in zip(together, alone, strict=True):
            assert by_id(ours) == pytest.approx(by_id(theirs), rel=1e-6)

    def test_lists_without_queries_are_empty(self, recommender: Recommender) -> None:
        assert recommender.recommend_many([]) == []

    def test_lists_of_an_empty_catalogue_are_empty(self, recommender: Recommender) -> None:
        assert without_items(recommender).recommend_many(self.QUERIES) == [[]] * len(self.QUERIES)


class TestFilters:
    def test_filter_leaves_only_items_with_one_of_the_values(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(
            RankingQuery(attributes={}, ratings=HORROR_FAN, n=100, where={"genre": FieldFilter(("comedy",))})
        )
        assert len(ranked) == 18
        assert set(genres(ranked)) == {"comedy"}

    def test_filter_with_several_values_takes_them_as_alternatives(self, recommender: Recommender) -> None:
        where = {"genre": FieldFilter(("comedy", "horror", "western"))}
        assert len(recommender.recommend(RankingQuery(**NOTHING, n=100, where=where))) == 40

    def test_filter_with_an_unknown_value_leaves_nothing(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(**NOTHING, n=5, where={"genre": FieldFilter(("western",))})) == []

    def test_filter_without_values_leaves_nothing(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(**NOTHING, n=5, where={"genre": FieldFilter(())})) == []

    def test_filter_leaves_out_items_without_the_attribute(self, recommender: Recommender) -> None:
        catalogue = recommender.with_changes(items_of(recommender.model, ("new", {})), [])
        assert "new" not in ids(
            catalogue.recommend(RankingQuery(**NOTHING, n=100, where={"genre": FieldFilter(("comedy", "horror"))}))
        )

    def test_filter_by_an_unknown_field_raises_value_error(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="'director' is not a field of the items"):
            recommender.recommend(RankingQuery(**NOTHING, n=5, where={"director": FieldFilter(("Hitchcock",))}))

    def test_filter_by_a_range_of_categories_raises_value_error(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="'genre': has no numbers, so it has no ranges"):
            recommender.recommend(RankingQuery(**NOTHING, n=5, where={"genre": FieldFilter(lowest=1.0)}))

    def test_filter_of_an_empty_catalogue_leaves_nothing(self, recommender: Recommender) -> None:
        assert (
            without_items(recommender).recommend(
                RankingQuery(**NOTHING, n=5, where={"genre": FieldFilter(("comedy",))})
            )
            == []
        )


def test_list_in_inference_mode_is_the_same(recommender: Recommender) -> None:
    with torch.inference_mode():
        inside = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5))
    assert inside == recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5))
