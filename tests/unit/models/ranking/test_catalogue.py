"""Large catalogues: shortlists and recent parts. test_recommender.py tests that they rank as small ones do."""

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.embedded_items import scoring_model
from models.ranking.filters import FieldFilter
from models.ranking.query import Boost, RankBy
from models.ranking.supports import QuerySupports

COMEDY_FAN = RankingQuery(
    attributes={},
    ratings=[ItemRating("i1", 5.0), ItemRating("i3", 5.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0)],
    n=5,
)


@pytest.fixture(scope="module")
def exact(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


@pytest.fixture(scope="module")
def large(model: TrainedModel, exact: Recommender) -> Iterator[Recommender]:
    """A catalogue of 40 items with a shortlist of 8 and at most 4 recent items."""
    assert not exact.catalogue.parts[0].has_shortlists
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.ranking.part.EXACT_ITEMS", 10)
        patch.setattr("models.ranking.catalogue._RECENT_SHARE", 0.1)
        patch.setattr("models.ranking.shortlist._MIN_ITEMS", 8)
        patch.setattr("models.ranking.shortlist._TIMES", 1)
        yield Recommender(model, model.items)


def comedies(model: TrainedModel, *ids: str) -> Entities:
    return entity_table(model.schema.items.fields, [(item_id, None, {"genre": ["comedy"]}) for item_id in ids])


class TestShortlist:
    @pytest.mark.parametrize("rank_by", list(RankBy))
    def test_shortlist_is_small_and_has_the_best_items(
        self, large: Recommender, exact: Recommender, rank_by: RankBy
    ) -> None:
        shortlist = large.catalogue.parts[0].embedded[rank_by].shortlist
        assert shortlist is not None
        support = QuerySupports(large.catalogue, [COMEDY_FAN]).of(rank_by)
        adapted = scoring_model(large.model, rank_by).adapt(support)
        every = np.ones(40, dtype=np.bool_)
        rows = shortlist.rows(adapted, support.users, every, 5)
        assert len(rows) < 20
        everything = exact.recommend(replace(COMEDY_FAN, n=40, include_rated=True))
        figure = attrgetter("predicted_rating" if rank_by is RankBy.RATING else "choice_probability")
        best = sorted(everything, key=figure, reverse=True)[:5]
        assert {large.items.row_of[item.item_id] for item in best} <= set(rows.tolist())

    def test_list_with_a_shortlist_equals_the_exact_list(self, large: Recommender, exact: Recommender) -> None:
        assert [item.item_id for item in large.recommend(COMEDY_FAN)] == [
            item.item_id for item in exact.recommend(COMEDY_FAN)
        ]

    @pytest.mark.parametrize("rank_by", list(RankBy))
    @pytest.mark.parametrize("factor", [3.0, 1e6, 1e-6])
    def test_list_with_a_boost_of_more_items_than_are_scored_in_full_equals_the_exact_list(
        self, large: Recommender, exact: Recommender, rank_by: RankBy, factor: float
    ) -> None:
        query = replace(
            COMEDY_FAN, rank_by=rank_by, n=3, boosts=[Boost(factor, where={"genre": FieldFilter(("horror",))})]
        )
        assert [item.item_id for item in large.recommend(query)] == [item.item_id for item in exact.recommend(query)]

    def test_shortlist_with_raised_items_has_the_best_without_them_too(self, large: Recommender) -> None:
        shortlist = large.catalogue.parts[0].embedded[RankBy.CHOICE].shortlist
        assert shortlist is not None
        user, adapted = large.catalogue.unknown_user
        every = np.ones(40, dtype=np.bool_)
        plain = shortlist.rows(adapted, user, every, 3)
        raised = np.zeros(40, dtype=np.float32)
        raised[np.setdiff1d(np.arange(40), plain)] = 100.0
        assert set(plain.tolist()) < set(shortlist.rows(adapted, user, every, 3, raised).tolist())

    def test_list_longer_than_the_shortlist_is_full(self, large: Recommender) -> None:
        everything = RankingQuery(attributes={}, ratings=COMEDY_FAN.ratings, n=1000)
        assert len(large.recommend(everything)) == 36

    def test_list_with_a_filter_is_full(self, large: Recommender) -> None:
        filtered = RankingQuery(
            attributes={}, ratings=COMEDY_FAN.ratings, n=18, where={"genre": FieldFilter(("horror",))}
        )
        assert len(large.recommend(filtered)) == 18

    def test_list_with_ranges_and_negation_equals_the_exact_list(self, large: Recommender, exact: Recommender) -> None:
        dated = entity_table(
            large.model.schema.items.fields,
            [
                (f"i{row}", None, {"genre": ["comedy" if row % 2 else "horror"], "year": 1960.0 + row})
                for row in range(40)
            ],
        )
        for where, possible in (
            ({"year": FieldFilter(lowest=1970.0, highest=1989.0)}, range(10, 30)),
            ({"year": FieldFilter(lowest=1970.0), "genre": FieldFilter(none_of=("horror",))}, range(11, 40, 2)),
            ({"year": FieldFilter(lowest=1995.0)}, range(35, 40)),
        ):
            query = replace(COMEDY_FAN, where=where, n=4)
            lists = [[item.item_id for item in own.with_changes(dated, ()).recommend(query)] for own in (large, exact)]
            assert lists[0] == lists[1]
            assert set(lists[0]) <= {f"i{row}" for row in possible}


class TestFilterValues:
    def test_value_of_an_item_or_of_the_model_is_known(self, large: Recommender) -> None:
        fields = large.model.schema.items.fields
        western = entity_table(fields, [("new", None, {"genre": ["Western"]})])
        changed = large.with_changes(western, [item_id for item_id in large.items.ids if item_id != "i1"]).catalogue

        assert [changed.field_values.has("genre", value) for value in ("WESTERN", "Horror", "opera")] == [
            True,
            True,
            False,
        ]
        assert set(changed.field_values.of("genre")) == {"comedy", "Western", "horror"}

    def test_any_number_of_a_continuous_field_is_known(self, large: Recommender) -> None:
        assert large.catalogue.field_values.has("year", "1066")
        with pytest.raises(ValueError, match="'MLXVI' is not a finite number"):
            large.catalogue.field_values.has("year", "MLXVI")


class TestWithChanges:
    def test_few_changes_leave_the_main_part_as_it_is(self, large: Recommender) -> None:
        changed = large.with_changes(comedies(large.model, "new", "i0"), ["i1"])
        changed = changed.with_changes(comedies(large.model, "newer"), ["new"])
        main, recent = changed.catalogue.parts
        assert main is large.catalogue.parts[0]
        assert recent.items.ids == ["i0", "newer"]
        assert set(changed.items.ids) == {*large.items.ids, "newer"} - {"i1"}

    def test_changed_item_that_is_rated_is_not_recommended(self, large: Recommender) -> None:
        changed = large.with_changes(comedies(large.model, "i3"), [])
        assert "i3" not in [item.item_id for item in changed.recommend(COMEDY_FAN)]

    def test_many_changes_merge_both_parts(self, large: Recommender) -> None:
        changed = large.with_changes(comedies(large.model, *(f"new{number}" for number in range(5))), ["i1"])
        (whole,) = changed.catalogue.parts
        assert whole.has_shortlists
        assert len(whole) == 44
