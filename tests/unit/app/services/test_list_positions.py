import math

import pytest

from app.lists.feedback import Feedback, ListOptions
from app.services.list_positions import Change, Rule, positions, steps
from app.services.recommendations import RecommendationList
from models.data.rating_scale import RatingScale
from models.ranking import RankedItem
from models.ranking.query import Boost, RankedBy

SCALE = RatingScale(minimum=1, maximum=5, step=1)


def made(*item_ids: str, ranked_by: RankedBy = RankedBy.CHOICE, likes: float | None = 0.5) -> RecommendationList:
    items = [RankedItem(item_id, None, 4.0, 0.1, likes, rank) for rank, item_id in enumerate(item_ids, start=1)]
    return RecommendationList(items, "v", ranked_by, ListOptions(n=len(items)))


def test_item_says_by_how_many_places_each_rule_moved_it() -> None:
    lists = [(None, made("a", "b", "c")), (Rule.SHOWN, made("b", "c", "a")), (Rule.PINNED, made("c", "b", "a"))]
    found = positions(lists, {Rule.SHOWN: {"a": 0.25}}, SCALE)
    assert {item_id: position.rank_without_rules for item_id, position in found.items()} == {"a": 1, "b": 2, "c": 3}
    assert found["a"].changes == [Change(Rule.SHOWN, 0.25, -2)]
    assert found["b"].changes == [Change(Rule.SHOWN, None, 1), Change(Rule.PINNED, None, -1)]
    assert found["c"].changes == [Change(Rule.SHOWN, None, 1), Change(Rule.PINNED, None, 1)]


def test_item_that_leaves_the_list_and_one_that_enters_it_have_no_number_of_places() -> None:
    lists = [(None, made("a", "b")), (Rule.SHOWN, made("b", "c"))]
    found = positions(lists, {Rule.SHOWN: {"a": 0.5}}, SCALE)
    assert found["a"].changes == [Change(Rule.SHOWN, 0.5, None)]
    assert found["c"].changes == [Change(Rule.SHOWN, None, None)]
    assert found["c"].rank_without_rules is None


def test_list_without_rules_has_no_changes() -> None:
    assert positions([(None, made("a"))], {}, SCALE)["a"].changes == []


@pytest.mark.parametrize(
    ("ranked_by", "likes", "score", "with_rules"),
    [
        (RankedBy.CHOICE, 0.5, 0.05, 0.0125),
        (RankedBy.CHOICE, None, 0.075, 0.01875),  # 4 is at three quarters of the scale from 1 to 5
        (RankedBy.RATING, 0.5, 4.0, 4.0 + math.log(0.25)),
    ],
)
def test_score_is_that_of_the_order_and_has_the_factors_of_all_rules(
    ranked_by: RankedBy, likes: float | None, score: float, with_rules: float
) -> None:
    lists = [(rule, made("a", ranked_by=ranked_by, likes=likes)) for rule in (None, Rule.SHOWN, Rule.BOOST)]
    found = positions(lists, {Rule.SHOWN: {"a": 0.125}, Rule.BOOST: {"a": 2.0}}, SCALE)["a"]
    assert (found.score, found.score_with_rules) == (pytest.approx(score), pytest.approx(with_rules))


def rules(feedback: Feedback, options: ListOptions, ranked_by: RankedBy = RankedBy.CHOICE) -> list[Rule | None]:
    return [step.rule for step in steps(feedback, options, ranked_by)]


def test_each_step_adds_a_rule_until_the_list_is_complete() -> None:
    feedback = Feedback(seen={"a": 1.0}, dismissed=["b"])
    options = ListOptions(n=3, boosts=[Boost(2.0, ["c"])], diversity=0.3, pinned=["d"], shown=["e"])
    found = list(steps(feedback, options, RankedBy.CHOICE))
    assert [step.rule for step in found] == [None, *Rule]
    assert found[0].feedback == Feedback()
    assert (found[-1].feedback, found[-1].options) == (feedback, options)


def test_rule_with_nothing_to_do_is_no_step() -> None:
    assert rules(Feedback(), ListOptions(n=3)) == [None]


def test_diversity_of_the_list_for_strangers_is_a_rule_unless_the_request_turns_it_off() -> None:
    assert rules(Feedback(), ListOptions(n=3), RankedBy.POPULARITY) == [None, Rule.DIVERSITY]
    assert rules(Feedback(), ListOptions(n=3, diversity=0.0), RankedBy.POPULARITY) == [None]
