from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Dataset, Entities
from models.data.entity_table import entity_table
from models.data.schema import AttributeValue
from models.elicitation.fixed import strategy_scores
from models.elicitation.strategy import Strategy
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.features import EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import Learner, Support
from models.learners.heads.base import Predictions
from models.ranking import RankedItem, RankingQuery, Recommender

Ratings = list[tuple[str, float]]

COMEDY_FAN: Ratings = [("i1", 5.0), ("i3", 5.0), ("i2", 1.0), ("i4", 1.0)]
HORROR_FAN: Ratings = [(item_id, 6.0 - rating) for item_id, rating in COMEDY_FAN]
NOTHING: dict[str, Any] = {"attributes": {}, "ratings": []}


@pytest.fixture(scope="module", params=["small catalogue", "large catalogue"])
def recommender(request: pytest.FixtureRequest, model: TrainedModel) -> Iterator[Recommender]:
    """All holds of small catalogues and of large ones with recent changes; there, all items are shortlisted."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "large catalogue":
            patch.setattr("models.ranking.catalogue.EXACT_ITEMS", 10)
            patch.setattr("models.ranking.catalogue._RECENT_SHARE", 1.0)
        yield Recommender(model, model.items)


def items_of(model: TrainedModel, *rows: tuple[str, Mapping[str, AttributeValue]]) -> Entities:
    named = [(item_id, f"Title of {item_id}", attributes) for item_id, attributes in rows]
    return entity_table(model.schema.items.fields, named)


def without_items(recommender: Recommender) -> Recommender:
    return recommender.with_changes(items_of(recommender.model), recommender.items.ids)


def ids(ranked: Sequence[Any]) -> list[str]:
    return [item.item_id for item in ranked]


def genres(ranked: Sequence[RankedItem]) -> list[str]:
    """The two-tastes films with odd numbers are comedies, the others horror."""
    return ["comedy" if int(item.item_id[1:]) % 2 else "horror" for item in ranked]


def by_id(ranked: Sequence[RankedItem]) -> dict[str, float]:
    return {item.item_id: item.predicted_rating for item in ranked}


class TestRecommend:
    @pytest.mark.parametrize(("ratings", "genre"), [(COMEDY_FAN, "comedy"), (HORROR_FAN, "horror")])
    def test_opposite_ratings_give_opposite_genres(
        self, recommender: Recommender, ratings: Ratings, genre: str
    ) -> None:
        assert genres(recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=5))) == [genre] * 5

    def test_best_come_first_and_ranks_count_from_1(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=10))
        predictions = [item.predicted_rating for item in ranked]
        assert predictions == sorted(predictions, reverse=True)
        assert [item.rank for item in ranked] == list(range(1, 11))

    def test_short_list_is_the_beginning_of_a_long_one(self, recommender: Recommender) -> None:
        short, long = (recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=n)) for n in (3, 36))
        assert ids(short) == ids(long[:3])
        assert by_id(short) == pytest.approx(by_id(long[:3]), rel=1e-6)

    def test_predictions_stay_on_the_rating_scale(self, recommender: Recommender) -> None:
        extreme = [(f"i{item}", 5.0 if item % 2 else 1.0) for item in range(30)]
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
        actual = recommender.recommend(RankingQuery(attributes={}, ratings=[*COMEDY_FAN, ("gone", 1.0)], n=5))
        assert actual == expected

    def test_more_than_the_catalogue_is_the_catalogue(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(RankingQuery(attributes={"age": 30.0}, ratings=[], n=10_000))
        assert sorted(ids(ranked)) == sorted(recommender.items.ids)

    def test_none_asked_for_is_none(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0)) == []

    @pytest.mark.parametrize("visitor", [NOTHING, {"attributes": {"age": 30.0}, "ratings": COMEDY_FAN}])
    def test_empty_catalogue_has_nothing_to_recommend(self, recommender: Recommender, visitor: dict[str, Any]) -> None:
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
    def test_any_attributes_are_taken(self, recommender: Recommender, attributes: dict[str, AttributeValue]) -> None:
        ranked = recommender.recommend(RankingQuery(attributes=attributes, ratings=COMEDY_FAN, n=40))
        assert len(ranked) == 36
        assert np.isfinite([item.predicted_rating for item in ranked]).all()

    def test_attributes_alone_are_enough_to_rank_by(self, recommender: Recommender) -> None:
        young, old = (
            by_id(recommender.recommend(RankingQuery(attributes={"age": age}, ratings=[], n=40)))
            for age in (18.0, 67.0)
        )
        assert young != pytest.approx(old, abs=1e-4)

    def test_equal_predictions_are_ordered_by_popularity(self, recommender: Recommender) -> None:
        # All items of no known genre and no year look the same to the model.
        blank = items_of(recommender.model, *((f"i{item}", {}) for item in range(40)))
        ranked = recommender.with_changes(blank, ["i0"]).recommend(
            RankingQuery(attributes={"age": 30.0}, ratings=[], n=40)
        )
        counts = dict(recommender.model.statistics.select("id", "rating_count").iter_rows())
        assert len({item.predicted_rating for item in ranked}) == 1
        assert [counts[item_id] for item_id in ids(ranked)] == sorted(counts.values(), reverse=True)

    def test_ties_at_the_end_of_the_list_are_ordered_by_popularity_too(self, recommender: Recommender) -> None:
        blank = recommender.with_changes(items_of(recommender.model, *((f"i{row}", {}) for row in range(40))), [])
        short, long = (blank.recommend(RankingQuery(attributes={"age": 30.0}, ratings=[], n=n)) for n in (7, 40))
        assert ids(short) == ids(long[:7])


@given(
    age=st.none() | st.floats(15, 80),
    country=st.none() | st.sampled_from(["fr", "jp", "Atlantis"]),
    rated=st.dictionaries(st.integers(0, 45), st.integers(1, 5), min_size=1, max_size=12),
    n=st.integers(0, 45),
)
def test_equals_predicting_everything(
    recommender: Recommender, age: float | None, country: str | None, rated: dict[int, int], n: int
) -> None:
    query = RankingQuery({"age": age, "country": country}, [(f"i{item}", float(own)) for item, own in rated.items()], n)
    model, table = recommender.model, recommender.items.table
    known = [(recommender.items.row_of[item_id], own) for item_id, own in query.ratings if int(item_id[1:]) < 40]
    user = entity_table(model.schema.users.fields, [("", None, query.attributes)])
    with torch.inference_mode():
        users = model.learner.embed_users(model.manifest.user_encoder.encode(user.table))
        items = model.learner.embed_items(model.manifest.item_encoder.encode(table))
        support = Support(
            users=users,
            items=items.take(torch.tensor([[row for row, _ in known]], dtype=torch.int64)),
            ratings=torch.tensor([[own for _, own in known]]),
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


class TestPredictedRatings:
    def test_follow_the_users_taste_whatever_else_is_asked(self, recommender: Recommender) -> None:
        query = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0)

        ((comedy, unknown, horror),) = recommender.predicted_ratings([query], [["i5", "nothing", "i6"]])

        assert unknown is None
        assert comedy is not None
        assert horror is not None
        assert comedy > horror
        assert recommender.predicted_ratings([query], [["i6"]]) == [[pytest.approx(horror, abs=1e-5)]]

    def test_of_nothing(self, recommender: Recommender) -> None:
        assert recommender.predicted_ratings([RankingQuery(**NOTHING, n=0)], [[]]) == [[]]
        assert recommender.predicted_ratings([], []) == []

    def test_of_many_users_are_those_of_each(self, recommender: Recommender) -> None:
        tastes = [COMEDY_FAN, HORROR_FAN, []] * 20
        queries = [RankingQuery(attributes={}, ratings=taste, n=0) for taste in tastes]
        asked = [["i5", "i6"][: 1 + place % 2] for place in range(len(queries))]

        together = recommender.predicted_ratings(queries, asked)

        alone = [recommender.predicted_ratings([query], [own])[0] for query, own in zip(queries, asked, strict=True)]
        assert together == [pytest.approx(own, abs=1e-5) for own in alone]

    def test_a_squared_errors_median_is_its_mean(self, recommender: Recommender) -> None:
        query = RankingQuery(attributes={}, ratings=HORROR_FAN, n=40, include_rated=True)
        means = by_id(recommender.recommend(query))

        (medians,) = recommender.predicted_ratings([query], [list(means)])
        assert medians == pytest.approx(list(means.values()), abs=1e-5)


class TestRecommendMany:
    QUERIES = (
        RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5),
        RankingQuery(attributes={"age": 30.0, "country": "jp"}, ratings=HORROR_FAN[:1], n=40, include_rated=True),
        RankingQuery(attributes={}, ratings=[], n=7),
        RankingQuery(attributes={"age": 30.0}, ratings=[], n=3, where={"genre": ["horror"]}, exclude=["i0"]),
        RankingQuery(attributes={}, ratings=[("gone", 1.0)], n=3),
        RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0),
    )

    @pytest.mark.parametrize("batch_predictions", [1, 100, 10_000])
    def test_gives_each_the_list_that_it_gives_alone(
        self, recommender: Recommender, monkeypatch: pytest.MonkeyPatch, batch_predictions: int
    ) -> None:
        monkeypatch.setattr("models.ranking.catalogue._BATCH_SCORES", batch_predictions)
        together = recommender.recommend_many(self.QUERIES)
        alone = [recommender.recommend(query) for query in self.QUERIES]
        assert [ids(ranked) for ranked in together] == [ids(ranked) for ranked in alone]
        for ours, theirs in zip(together, alone, strict=True):
            assert by_id(ours) == pytest.approx(by_id(theirs), rel=1e-6)

    def test_no_queries_have_no_lists(self, recommender: Recommender) -> None:
        assert recommender.recommend_many([]) == []

    def test_batch_over_an_empty_catalogue(self, recommender: Recommender) -> None:
        assert without_items(recommender).recommend_many(self.QUERIES) == [[]] * len(self.QUERIES)


class TestFilters:
    def test_only_items_with_one_of_the_values(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(
            RankingQuery(attributes={}, ratings=HORROR_FAN, n=100, where={"genre": ["comedy"]})
        )
        assert len(ranked) == 18
        assert set(genres(ranked)) == {"comedy"}

    def test_several_values_of_a_field_are_alternatives(self, recommender: Recommender) -> None:
        where = {"genre": ["comedy", "horror", "western"]}
        assert len(recommender.recommend(RankingQuery(**NOTHING, n=100, where=where))) == 40

    def test_several_fields_must_all_match(self, model: TrainedModel) -> None:
        fields = {"genre": ["a", "b"]}, {"genre": ["b"]}, {"genre": None}, {}
        catalogue = Recommender(
            model, items_of(model, *((f"x{row}", {"year": 2000.0, **own}) for row, own in enumerate(fields)))
        )
        where = {"genre": ["a"], "year": ["2000.0"]}
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=9, where=where))) == ["x0"]
        assert catalogue.recommend(RankingQuery(**NOTHING, n=9, where={**where, "year": ["1999.0"]})) == []

    def test_unknown_value_matches_nothing(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(**NOTHING, n=5, where={"genre": ["western"]})) == []

    def test_no_values_match_nothing(self, recommender: Recommender) -> None:
        assert recommender.recommend(RankingQuery(**NOTHING, n=5, where={"genre": []})) == []

    def test_items_that_lack_the_attribute_do_not_match(self, recommender: Recommender) -> None:
        catalogue = recommender.with_changes(items_of(recommender.model, ("new", {})), [])
        assert "new" not in ids(
            catalogue.recommend(RankingQuery(**NOTHING, n=100, where={"genre": ["comedy", "horror"]}))
        )

    def test_unknown_field_is_an_error(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="'director' is not a field of the items"):
            recommender.recommend(RankingQuery(**NOTHING, n=5, where={"director": ["Hitchcock"]}))

    def test_empty_catalogue_can_be_filtered(self, recommender: Recommender) -> None:
        assert without_items(recommender).recommend(RankingQuery(**NOTHING, n=5, where={"genre": ["comedy"]})) == []


@dataclass(frozen=True)
class NoAttributes(TensorRows):
    """Users of whom nothing is used."""

    zeros: Tensor


@dataclass(frozen=True)
class Genres(TensorRows):
    """Items of which only the genre is used: int64, counted from 0."""

    genre: Tensor


class GenreLover(Learner[NoAttributes, Genres, None]):
    """Predicts one rating for each genre."""

    def __init__(self, ratings: Sequence[float]) -> None:
        super().__init__()
        self.ratings = torch.tensor(ratings)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        raise NotImplementedError

    def embed_users(self, rows: EncodedRows) -> NoAttributes:
        return NoAttributes(torch.zeros(len(rows)))

    def embed_items(
        self,
        rows: EncodedRows,
        *,
        out_of_fold: OutOfFold | None = None,  # noqa: ARG002 - the interface
    ) -> Genres:
        return Genres(rows.fields["genre"][:, 0] - 1)

    def adapt(self, support: Support[NoAttributes, Genres], *, steps: int | None = None) -> None:
        pass

    def predict(self, adapted: None, users: NoAttributes, items: Genres) -> Predictions:  # noqa: ARG002 - the interface
        ratings = self.ratings[items.genre]
        return Predictions(score=ratings, mean=ratings, median=ratings, probabilities=None)

    def loss(self, adapted: None, users: NoAttributes, items: Genres, ratings: Tensor) -> Tensor:
        raise NotImplementedError


def genre_lover(model: TrainedModel, *, comedy: float, horror: float, counts: Mapping[str, int]) -> Recommender:
    """Two-tastes films by a model that predicts these ratings, and saw these numbers of ratings of them."""
    known = model.manifest.item_encoder.fields[0].values
    statistics = model.statistics.filter(pl.col("id").is_in(list(counts))).with_columns(
        pl.col("id").replace_strict(counts, return_dtype=pl.Int64).alias("rating_count")
    )
    data = model.manifest.data.model_copy(update={"mean_rating": 3.0})
    genre_model = replace(
        model,
        learner=GenreLover([{"comedy": comedy, "horror": horror}[genre] for genre in known]),
        statistics=statistics,
        manifest=model.manifest.model_copy(update={"data": data}),
    )
    return Recommender(genre_model, Entities(model.items.table.filter(pl.col("id").is_in(list(counts)))))


class TestNothingKnown:
    def test_a_genre_that_is_liked_a_little_less_is_in_the_list(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.2, horror=4.0, counts={f"i{item}": 1000 for item in range(40)})
        # Of the same genre but from another year is half alike: others lose 0.25, more than the horror films' lag.
        assert genres(catalogue.recommend(RankingQuery(**NOTHING, n=4))) == ["comedy", "horror", "comedy", "comedy"]

    def test_a_genre_that_is_liked_much_less_is_not(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.6, horror=4.0, counts={f"i{item}": 1000 for item in range(40)})
        assert set(genres(catalogue.recommend(RankingQuery(**NOTHING, n=4)))) == {"comedy"}

    def test_a_popular_item_comes_before_one_that_few_rated_and_is_liked_more(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=5.0, horror=4.0, counts={"i1": 1, "i2": 200})
        # The comedy's lead of 2 over the mean counts 1/(1 + 20), the horror film's of 1 counts 200/(200 + 20).
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=2))) == ["i2", "i1"]

    def test_predicted_ratings_are_told_as_they_are(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=5.0, horror=4.0, counts={"i1": 1, "i2": 200})
        assert by_id(catalogue.recommend(RankingQuery(**NOTHING, n=2))) == {"i1": 5.0, "i2": 4.0}

    def test_of_equals_the_most_popular_comes_first(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=3.0, horror=3.0, counts={"i1": 3, "i3": 9, "i5": 6})
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=3))) == ["i3", "i5", "i1"]

    def test_unknown_attributes_are_as_good_as_none(self, recommender: Recommender) -> None:
        unknown = recommender.recommend(RankingQuery(attributes={"country": None, "age": None}, ratings=[], n=6))
        assert unknown == recommender.recommend(RankingQuery(**NOTHING, n=6))

    def test_no_item_comes_twice(self, recommender: Recommender) -> None:
        assert sorted(ids(recommender.recommend(RankingQuery(**NOTHING, n=100)))) == sorted(recommender.items.ids)

    def test_filters_and_exclusions_hold(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(RankingQuery(**NOTHING, n=100, where={"genre": ["comedy"]}, exclude=["i1"]))
        assert len(ranked) == 19
        assert "i1" not in ids(ranked)


class TestWithChanges:
    @staticmethod
    def change(recommender: Recommender) -> Recommender:
        """Item i0 becomes a comedy, i1 and an unknown one are removed, and a new one comes."""
        changed = items_of(
            recommender.model, ("i0", {"genre": ["comedy"], "year": 2001.0}), ("new", {"genre": ["comedy", "unseen"]})
        )
        return recommender.with_changes(changed, ["i1", "never there"])

    @pytest.mark.parametrize("visitor", [NOTHING, {"attributes": {"country": "jp"}, "ratings": COMEDY_FAN}])
    def test_equals_a_recommender_built_from_scratch(self, recommender: Recommender, visitor: dict[str, Any]) -> None:
        changed = self.change(recommender)
        scratch = Recommender(recommender.model, Entities(changed.items.table.sort("id")))
        assert by_id(changed.recommend(RankingQuery(**visitor, n=100))) == pytest.approx(
            by_id(scratch.recommend(RankingQuery(**visitor, n=100))), rel=1e-5
        )

    def test_statistics_follow_their_items(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        scratch = Recommender(recommender.model, Entities(changed.items.table.sort("id")))
        scores = [
            {item.item_id: item.score for item in own.candidates(strategy=Strategy.GRADIENT_POPULARITY, n=100)}
            for own in (changed, scratch)
        ]
        assert scores[0] == scores[1]
        assert scores[0]["new"] == 0.0

    def test_changed_item_is_seen_as_what_it_now_is(self, recommender: Recommender) -> None:
        before, after = (
            by_id(own.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)))["i0"]
            for own in (recommender, self.change(recommender))
        )
        assert after > before

    def test_removed_items_vanish_and_new_ones_are_recommendable(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        assert set(changed.items.ids) == {*recommender.items.ids, "new"} - {"i1"}
        ranked = changed.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN[1:], n=100))
        assert "i1" not in ids(ranked)
        predicted = by_id(ranked)
        assert predicted["new"] > max(predicted[item_id] for item_id in ("i6", "i8", "i38"))
        assert next(item.title for item in ranked if item.item_id == "new") == "Title of new"

    def test_new_item_can_be_rated_at_once(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        before = changed.recommend(RankingQuery(attributes={}, ratings=[], n=100))
        after = changed.recommend(RankingQuery(attributes={}, ratings=[("new", 5.0)], n=100))
        assert by_id(after)["i3"] > by_id(before)["i3"]

    def test_leaves_the_former_recommender_as_it_was(self, recommender: Recommender) -> None:
        expected = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100))
        self.change(recommender)
        assert recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)) == expected

    def test_no_change_changes_nothing(self, recommender: Recommender) -> None:
        same = recommender.with_changes(items_of(recommender.model), [])
        visitor: dict[str, Any] = {"attributes": {}, "ratings": COMEDY_FAN, "n": 100}
        assert same.recommend(RankingQuery(**visitor)) == recommender.recommend(RankingQuery(**visitor))

    def test_emptied_catalogue_can_be_filled_again(self, recommender: Recommender) -> None:
        filled = without_items(recommender).with_changes(recommender.items, [])
        visitor: dict[str, Any] = {"attributes": {}, "ratings": COMEDY_FAN, "n": 100}
        assert filled.recommend(RankingQuery(**visitor)) == recommender.recommend(RankingQuery(**visitor))


class TestWithCollected:
    @staticmethod
    def with_a_new_comedy(recommender: Recommender) -> Recommender:
        return recommender.with_changes(items_of(recommender.model, ("new", {"genre": ["comedy"], "year": 2001.0})), [])

    @pytest.mark.parametrize("strategy", [strategy for strategy in Strategy if strategy is not Strategy.RANDOM])
    def test_an_item_that_came_after_training_is_asked_about_once_it_is_rated(
        self, recommender: Recommender, strategy: Strategy
    ) -> None:
        changed = self.with_a_new_comedy(recommender)
        assert ids(changed.candidates(strategy=strategy, n=100))[-1] == "new"

        rated = changed.with_collected({"new": (100, 4.0)})
        assert "new" in ids(rated.candidates(strategy=strategy, n=5))

    def test_popularity_of_an_item_is_all_its_ratings(self, recommender: Recommender) -> None:
        counts = dict(recommender.model.statistics.select("id", "rating_count").iter_rows())
        counts["i3"] += 1000
        candidates = recommender.with_collected({"i3": (1000, 3.0)}).candidates(strategy=Strategy.POPULARITY, n=40)
        assert {own.item_id: own.score for own in candidates} == pytest.approx(
            {item_id: count / counts["i3"] for item_id, count in counts.items()}
        )

    def test_a_gradient_value_that_training_measured_stays(self, recommender: Recommender) -> None:
        measured = dict(recommender.model.statistics.select("id", "gradient_value").iter_rows())
        rated = recommender.with_collected({"i3": (1000, 3.0)})
        first = rated.candidates(strategy=Strategy.GRADIENT_POPULARITY, n=1)[0]
        assert first.item_id == "i3"
        assert first.score == pytest.approx(measured["i3"])

    def test_survives_changes_and_leaves_the_former_recommender_as_it_was(self, recommender: Recommender) -> None:
        before = recommender.candidates(strategy=Strategy.POPULARITY, n=100)
        rated = self.with_a_new_comedy(recommender.with_collected({"new": (1000, 3.0)}))
        assert ids(rated.candidates(strategy=Strategy.POPULARITY, n=1)) == ["new"]
        assert recommender.candidates(strategy=Strategy.POPULARITY, n=100) == before

    def test_what_users_are_predicted_stays(self, recommender: Recommender) -> None:
        query = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)
        rated = recommender.with_collected({"i3": (1000, 1.0)})
        assert by_id(rated.recommend(query)) == by_id(recommender.recommend(query))

    def test_strangers_see_what_has_become_liked_and_popular(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.2, horror=4.0, counts={f"i{item}": 20 for item in range(40)})
        # Of i8, 60 new ratings of 5 count three times as much as the prediction of 4.0; 80 in all back that.
        loved = catalogue.with_collected({"i8": (60, 5.0)})
        assert ids(loved.recommend(RankingQuery(**NOTHING, n=1))) == ["i8"]
        assert by_id(loved.recommend(RankingQuery(**NOTHING, n=1))) == {"i8": 4.0}


class TestCandidates:
    @pytest.mark.parametrize("strategy", [strategy for strategy in Strategy if strategy is not Strategy.SEQUENTIAL])
    def test_have_the_highest_scores_best_first(self, recommender: Recommender, strategy: Strategy) -> None:
        candidates = recommender.candidates(strategy=strategy, n=7)
        expected = np.sort(strategy_scores(recommender.model.statistics, strategy))[::-1][:7]
        assert [candidate.score for candidate in candidates] == expected.tolist()

    @pytest.mark.parametrize("strategy", list(Strategy))
    @given(
        rated=st.sets(st.integers(0, 39)),
        skipped=st.sets(st.integers(0, 39)),
        exclude=st.sets(st.integers(0, 39), max_size=10),
        horror=st.booleans(),
        n=st.integers(1, 50),
    )
    @settings(max_examples=20)
    def test_are_allowed_once_each_and_the_same_again(
        self,
        model: TrainedModel,
        strategy: Strategy,
        rated: set[int],
        skipped: set[int],
        exclude: set[int],
        horror: bool,
        n: int,
    ) -> None:
        recommender = Recommender(model, model.items)
        genres = {"genre": ["horror"]} if horror else None
        known = [[*(f"i{item}" for item in items), "of-old"] for items in (rated, skipped, exclude)]
        first, again = (
            recommender.candidates(
                strategy=strategy, n=n, rated=known[0], skipped=known[1], exclude=known[2], where=genres
            )
            for _ in range(2)
        )
        assert first == again
        allowed = {f"i{item}" for item in range(0, 40, 2 if horror else 1)} - {item for each in known for item in each}
        assert set(ids(first)) <= allowed
        assert len(set(ids(first))) == len(first) == min(n, len(allowed))
        assert all(0.0 <= candidate.score <= 1.0 for candidate in first)
        assert [candidate.score for candidate in first] == sorted((own.score for own in first), reverse=True)

    @pytest.mark.parametrize("strategy", list(Strategy))
    def test_items_that_came_after_training_are_asked_about_too(
        self, recommender: Recommender, strategy: Strategy
    ) -> None:
        new = entity_table(recommender.model.schema.items.fields, [("new", "New Film", {"genre": ["horror"]})])
        changed = recommender.with_changes(new, [])
        assert set(ids(changed.candidates(strategy=strategy, n=100))) == {*recommender.items.ids, "new"}
        others = [item_id for item_id in recommender.items.ids if item_id != "i0"]
        assert ids(changed.candidates(strategy=Strategy.SEQUENTIAL, n=2, rated=["new"], skipped=others)) == ["i0"]

    def test_a_catalogue_without_items_has_none(self, recommender: Recommender) -> None:
        empty = without_items(recommender)
        assert all(empty.candidates(strategy=strategy, n=5) == [] for strategy in Strategy)

    def test_excluded_items_are_left_out(self, recommender: Recommender) -> None:
        first, *others = recommender.candidates(strategy=Strategy.POPULARITY, n=6)
        assert recommender.candidates(strategy=Strategy.POPULARITY, n=5, exclude=[first.item_id]) == others

    def test_filters_hold(self, recommender: Recommender) -> None:
        candidates = recommender.candidates(strategy=Strategy.RANDOM, n=100, where={"genre": ["horror"]})
        assert sorted(ids(candidates)) == sorted(f"i{item}" for item in range(0, 40, 2))

    def test_unknown_field_is_an_error(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="'director' is not a field"):
            recommender.candidates(strategy=Strategy.POPULARITY, n=5, where={"director": ["x"]})

    def test_seed_decides_the_random_ones(self, recommender: Recommender) -> None:
        first, again, other = (
            ids(recommender.candidates(strategy=Strategy.RANDOM, n=10, seed=seed)) for seed in (0, 0, 1)
        )
        assert first == again
        assert first != other

    def test_equal_scores_are_ordered_by_popularity(self, model: TrainedModel) -> None:
        flat = replace(model, statistics=model.statistics.with_columns(pl.lit(0.0).alias("gradient_value")))
        candidates = Recommender(flat, model.items).candidates(strategy=Strategy.GRADIENT_POPULARITY, n=40)
        counts = dict(model.statistics.select("id", "rating_count").iter_rows())
        found = [counts[item_id] for item_id in ids(candidates)]
        assert found == sorted(found, reverse=True)

    def test_empty_catalogue_has_none(self, recommender: Recommender) -> None:
        assert without_items(recommender).candidates(strategy=Strategy.GRADIENT_POPULARITY, n=5) == []


def test_recommending_needs_no_gradients(recommender: Recommender) -> None:
    with torch.inference_mode():
        inside = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5))
    assert inside == recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=5))
