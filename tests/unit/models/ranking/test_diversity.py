import numpy as np
import pytest

from models.ranking.diversity import diverse_places

SCORES = np.log([0.5, 0.4, 0.3])
FIRST_TWO_ALIKE = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def test_without_diversity_the_scores_order_the_list() -> None:
    assert diverse_places(SCORES, FIRST_TWO_ALIKE, 3, diversity=0.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("diversity", "second"), [(0.2, 1), (0.25, 2), (1.0, 2)])
def test_item_like_one_above_it_falls_behind_where_the_penalty_is_more_than_the_difference(
    diversity: float, second: int
) -> None:
    # ln(0.4 / 0.3) = 0.288 is the difference, and d / (1 − d) the penalty: 0.25 or 0.33.
    assert diverse_places(SCORES, FIRST_TWO_ALIKE, 3, diversity=diversity)[1] == second


def test_scores_choose_the_first_item_and_decide_between_equals_at_full_diversity() -> None:
    assert diverse_places(SCORES[::-1], np.eye(3), 3, diversity=1.0).tolist() == [2, 1, 0]


def test_dissimilar_items_have_no_advantage_over_unrelated_ones() -> None:
    opposite = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    assert diverse_places(SCORES, opposite, 3, diversity=0.9).tolist() == [0, 1, 2]


def test_no_more_places_than_wanted_or_possible_are_chosen() -> None:
    assert len(diverse_places(SCORES, np.eye(3), 2, diversity=0.5)) == 2
    assert len(diverse_places(SCORES, np.eye(3), 9, diversity=0.5)) == 3
    assert len(diverse_places(np.array([]), np.zeros((0, 0)), 9, diversity=0.5)) == 0
