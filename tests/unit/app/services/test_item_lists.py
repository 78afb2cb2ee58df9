import numpy as np
import pytest

from app.services.item_lists import trends


def trend(recent: int, former: int, *, others: int = 10_000) -> float:
    """The trend of one item, where all other items are chosen as often as before."""
    return float(trends(np.array([recent, others]), np.array([former, others]))[0])


def test_trend_is_the_cautious_count_over_the_expected_one() -> None:
    recent, former = np.array([100, 16, 0]), np.array([7, 21, 30])

    # As many choices again as before: 116 / 58.
    assert trends(recent, former) == pytest.approx([(100 - 20) / (10 * 2), (16 - 8) / (24 * 2), 0])


@pytest.mark.parametrize(("former", "needed"), [(0, 10), (10, 23)])
def test_few_choices_make_no_trend(former: int, needed: int) -> None:
    assert trend(needed - 1, former) <= 1 < trend(needed, former)


def test_growth_of_all_items_makes_no_trend() -> None:
    former = np.array([100, 200, 300])

    assert (trends(10 * former, former) < 1).all()


def test_trend_without_any_former_choices_is_highest_for_the_most_chosen_item() -> None:
    found = trends(np.array([1, 50, 20]), np.zeros(3, dtype=np.int64))

    assert found.argmax() == 1
    assert found[0] < 1 < found[2] < found[1]


def test_trend_without_recent_choices_is_zero() -> None:
    assert (trends(np.zeros(2, dtype=np.int64), np.array([3, 5])) == 0).all()
