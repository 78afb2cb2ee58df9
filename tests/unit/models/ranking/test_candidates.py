from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact import TrainedModel
from models.data.entity_table import entity_table
from models.elicitation.strategy import Strategy
from models.ranking import Recommender
from models.ranking.filters import FieldFilter
from tests.unit.models.ranking.two_tastes import ids, without_items


class TestCandidates:
    @pytest.mark.parametrize("strategy", list(Strategy))
    @given(
        rated=st.sets(st.integers(0, 39)),
        skipped=st.sets(st.integers(0, 39)),
        exclude=st.sets(st.integers(0, 39), max_size=10),
        horror=st.booleans(),
        n=st.integers(1, 50),
    )
    @settings(max_examples=20)
    def test_candidates_are_allowed_distinct_and_deterministic(
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
        genres = {"genre": FieldFilter(("horror",))} if horror else {}
        known = [[*(f"i{item}" for item in items), "of-old"] for items in (rated, skipped, exclude)]
        first, again = (
            recommender.candidates(
                strategy=strategy, n=n, rated=known[0], skipped=known[1], exclude=known[2], where=genres
            )
            for _ in range(2)
        )
        assert first == again
        allowed = {f"i{item}" for item in range(0, 40, 2 if horror else 1)} - {
            item for items in known for item in items
        }
        assert set(ids(first)) <= allowed
        assert len(set(ids(first))) == len(first) == min(n, len(allowed))
        assert all(0.0 <= candidate.score <= 1.0 for candidate in first)
        assert [candidate.score for candidate in first] == sorted(
            (candidate.score for candidate in first), reverse=True
        )

    @pytest.mark.parametrize("strategy", list(Strategy))
    def test_candidates_include_items_that_training_did_not_see(
        self, recommender: Recommender, strategy: Strategy
    ) -> None:
        new = entity_table(recommender.model.schema.items.fields, [("new", "New Film", {"genre": ["horror"]})])
        changed = recommender.with_changes(new, [])
        assert set(ids(changed.candidates(strategy=strategy, n=100))) == {*recommender.items.ids, "new"}
        others = [item_id for item_id in recommender.items.ids if item_id != "i0"]
        assert ids(changed.candidates(strategy=Strategy.SEQUENTIAL, n=2, rated=["new"], skipped=others)) == ["i0"]

    def test_candidates_of_an_empty_catalogue_are_none(self, recommender: Recommender) -> None:
        empty = without_items(recommender)
        assert all(empty.candidates(strategy=strategy, n=5) == [] for strategy in Strategy)

    def test_candidates_with_exclusions_leave_them_out(self, recommender: Recommender) -> None:
        first, *others = recommender.candidates(strategy=Strategy.POPULARITY, n=6)
        assert recommender.candidates(strategy=Strategy.POPULARITY, n=5, exclude=[first.item_id]) == others

    def test_candidates_with_a_filter_obey_it(self, recommender: Recommender) -> None:
        candidates = recommender.candidates(strategy=Strategy.RANDOM, n=100, where={"genre": FieldFilter(("horror",))})
        assert sorted(ids(candidates)) == sorted(f"i{item}" for item in range(0, 40, 2))

    def test_candidates_filtered_by_an_unknown_field_raise_value_error(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="'director' is not a field"):
            recommender.candidates(strategy=Strategy.POPULARITY, n=5, where={"director": FieldFilter(("x",))})

    def test_random_candidates_depend_on_the_seed(self, recommender: Recommender) -> None:
        first, again, other = (
            ids(recommender.candidates(strategy=Strategy.RANDOM, n=10, seed=seed)) for seed in (0, 0, 1)
        )
        assert first == again
        assert first != other

    def test_candidates_with_equal_scores_are_ordered_by_popularity(self, model: TrainedModel) -> None:
        flat = replace(model, statistics=model.statistics.with_columns(pl.lit(0.0).alias("gradient_value")))
        candidates = Recommender(flat, model.items).candidates(strategy=Strategy.GRADIENT_POPULARITY, n=40)
        counts = dict(model.statistics.select("id", "rating_count").iter_rows())
        found = [counts[item_id] for item_id in ids(candidates)]
        assert found == sorted(found, reverse=True)

    def test_empty_catalogue_has_none(self, recommender: Recommender) -> None:
        assert without_items(recommender).candidates(strategy=Strategy.GRADIENT_POPULARITY, n=5) == []
