from typing import Any

import pytest

from models.data.dataset import Entities
from models.elicitation.strategy import Strategy
from models.ranking import ItemRating, RankingQuery, Recommender
from tests.artifacts import with_closed_form
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, by_id, ids, items_of, without_items


class TestWithChanges:
    @staticmethod
    def change(recommender: Recommender) -> Recommender:
        """Item i0 becomes a comedy, i1 and an unknown item are removed, and one item is added."""
        changed = items_of(
            recommender.model, ("i0", {"genre": ["comedy"], "year": 2001.0}), ("new", {"genre": ["comedy", "unseen"]})
        )
        return recommender.with_changes(changed, ["i1", "never there"])

    @pytest.mark.parametrize("visitor", [NOTHING, {"attributes": {"country": "jp"}, "ratings": COMEDY_FAN}])
    def test_changed_recommender_equals_one_built_from_scratch(
        self, recommender: Recommender, visitor: dict[str, Any]
    ) -> None:
        changed = self.change(recommender)
        scratch = Recommender(recommender.model, Entities(changed.items.table.sort("id")))
        assert by_id(changed.recommend(RankingQuery(**visitor, n=100))) == pytest.approx(
            by_id(scratch.recommend(RankingQuery(**visitor, n=100))), rel=1e-5
        )

    def test_statistics_after_changes_follow_their_items(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        scratch = Recommender(recommender.model, Entities(changed.items.table.sort("id")))
        scores = [
            {item.item_id: item.score for item in own.candidates(strategy=Strategy.GRADIENT_POPULARITY, n=100)}
            for own in (changed, scratch)
        ]
        assert scores[0] == scores[1]
        assert scores[0]["new"] == 0.0

    def test_changed_item_is_predicted_by_its_new_attributes(self, recommender: Recommender) -> None:
        before, after = (
            by_id(own.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)))["i0"]
            for own in (recommender, self.change(recommender))
        )
        assert after > before

    def test_removed_items_vanish_and_added_items_are_recommended(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        assert set(changed.items.ids) == {*recommender.items.ids, "new"} - {"i1"}
        ranked = changed.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN[1:], n=100))
        assert "i1" not in ids(ranked)
        predicted = by_id(ranked)
        assert predicted["new"] > max(predicted[item_id] for item_id in ("i6", "i8", "i38"))
        assert next(item.title for item in ranked if item.item_id == "new") == "Title of new"

    def test_rating_of_an_added_item_changes_predictions(self, recommender: Recommender) -> None:
        changed = self.change(recommender)
        before = changed.recommend(RankingQuery(attributes={}, ratings=[], n=100))
        after = changed.recommend(RankingQuery(attributes={}, ratings=[ItemRating("new", 5.0)], n=100))
        assert by_id(after)["i3"] > by_id(before)["i3"]

    def test_changes_leave_the_former_recommender_as_it_was(self, recommender: Recommender) -> None:
        expected = recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100))
        self.change(recommender)
        assert recommender.recommend(RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)) == expected

    def test_empty_changes_leave_the_list_as_it_was(self, recommender: Recommender) -> None:
        same = recommender.with_changes(items_of(recommender.model), [])
        visitor: dict[str, Any] = {"attributes": {}, "ratings": COMEDY_FAN, "n": 100}
        assert same.recommend(RankingQuery(**visitor)) == recommender.recommend(RankingQuery(**visitor))

    def test_emptied_catalogue_that_is_filled_again_gives_the_same_list(self, recommender: Recommender) -> None:
        filled = without_items(recommender).with_changes(recommender.items, [])
        visitor: dict[str, Any] = {"attributes": {}, "ratings": COMEDY_FAN, "n": 100}
        assert filled.recommend(RankingQuery(**visitor)) == recommender.recommend(RankingQuery(**visitor))


@pytest.fixture
def closed_form(recommender: Recommender) -> Recommender:
    return Recommender(with_closed_form(recommender.model), recommender.items)


class TestWithNewRatings:
    @staticmethod
    def with_a_new_comedy(recommender: Recommender) -> Recommender:
        return recommender.with_changes(items_of(recommender.model, ("new", {"genre": ["comedy"], "year": 2001.0})), [])

    # Entropy ignores who knows an item, and a set chosen in training comes before all other items.
    @pytest.mark.parametrize("strategy", sorted(set(Strategy) - {Strategy.RANDOM, Strategy.ENTROPY, Strategy.OUTCOME}))
    def test_untrained_item_with_new_ratings_becomes_a_candidate(
        self, recommender: Recommender, strategy: Strategy
    ) -> None:
        changed = self.with_a_new_comedy(recommender)
        assert ids(changed.candidates(strategy=strategy, n=100))[-1] == "new"

        rated = changed.with_new_ratings({"new": (100, 4.0, 100)})
        assert "new" in ids(rated.candidates(strategy=strategy, n=5))

    def test_popularity_with_new_ratings_counts_all_ratings(self, recommender: Recommender) -> None:
        counts = dict(recommender.model.statistics.select("id", "rating_count").iter_rows())
        counts["i3"] += 1000
        candidates = recommender.with_new_ratings({"i3": (1000, 3.0, 1000)}).candidates(
            strategy=Strategy.POPULARITY, n=40
        )
        assert {own.item_id: own.score for own in candidates} == pytest.approx(
            {item_id: count / counts["i3"] for item_id, count in counts.items()}
        )

    def test_gradient_value_of_a_trained_item_with_new_ratings_stays(self, recommender: Recommender) -> None:
        measured = dict(recommender.model.statistics.select("id", "gradient_value").iter_rows())
        rated = recommender.with_new_ratings({"i3": (1000, 3.0, 1000)})
        first = rated.candidates(strategy=Strategy.GRADIENT_POPULARITY, n=1)[0]
        assert first.item_id == "i3"
        assert first.score == pytest.approx(measured["i3"])

    def test_new_ratings_survive_changes_and_leave_the_former_recommender_as_it_was(
        self, recommender: Recommender
    ) -> None:
        before = recommender.candidates(strategy=Strategy.POPULARITY, n=100)
        rated = self.with_a_new_comedy(recommender.with_new_ratings({"new": (1000, 3.0, 1000)}))
        assert ids(rated.candidates(strategy=Strategy.POPULARITY, n=1)) == ["new"]
        assert recommender.candidates(strategy=Strategy.POPULARITY, n=100) == before

    FAN = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=100)

    def test_new_item_with_low_ratings_is_predicted_lower_and_chosen_more(self, closed_form: Recommender) -> None:
        changed = self.with_a_new_comedy(closed_form)
        before, after = (
            next(item for item in own.recommend(self.FAN) if item.item_id == "new")
            for own in (changed, changed.with_new_ratings({"new": (50, 1.0, 100)}))
        )
        assert after.predicted_rating < before.predicted_rating - 1
        assert after.choice_probability > 3 * before.choice_probability

    def test_predictions_of_other_items_with_new_ratings_stay(self, closed_form: Recommender) -> None:
        changed = self.with_a_new_comedy(closed_form)
        before, after = (
            by_id(own.recommend(self.FAN)) for own in (changed, changed.with_new_ratings({"new": (9, 1.0, 9)}))
        )
        assert after.pop("new") != before.pop("new")
        assert after == pytest.approx(before, rel=1e-5)

    def test_trained_item_with_new_ratings_changes_less_than_a_new_item(self, closed_form: Recommender) -> None:
        changed = self.with_a_new_comedy(closed_form)
        rated = changed.with_new_ratings({"new": (10, 1.0, 20), "i5": (10, 1.0, 20)})
        before, after = by_id(changed.recommend(self.FAN)), by_id(rated.recommend(self.FAN))
        assert before["new"] - after["new"] > before["i5"] - after["i5"] > 0

    def test_new_ratings_in_several_steps_give_the_same_as_at_once(self, closed_form: Recommender) -> None:
        changed = self.with_a_new_comedy(closed_form)
        ratings = {"new": (7, 4.5, 30), "i5": (3, 1.0, 20)}
        steps = changed.with_new_ratings({"new": (2, 1.0, 9)}).with_new_ratings({"new": (7, 4.5, 30)})
        scratch = Recommender(closed_form.model, changed.items, ratings)
        expected = by_id(scratch.recommend(self.FAN))
        for own in (changed.with_new_ratings(ratings), steps.with_new_ratings(ratings)):
            assert by_id(own.recommend(self.FAN)) == pytest.approx(expected, rel=1e-5)

    def test_predictions_after_the_new_ratings_are_deleted_are_those_before(self, closed_form: Recommender) -> None:
        changed = self.with_a_new_comedy(closed_form)
        deleted = changed.with_new_ratings({"new": (9, 1.0, 9)}).with_new_ratings({"new": (0, 0.0, 0)})
        expected = by_id(changed.recommend(self.FAN))
        assert by_id(deleted.recommend(self.FAN)) == pytest.approx(expected, rel=1e-5)
