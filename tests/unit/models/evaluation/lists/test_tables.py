import numpy as np
import pytest

from models.evaluation.lists.measuring import MeasuredLists, RankedCatalogue
from models.evaluation.lists.tables import list_table
from models.metrics.lists import LIST_MEASURES

USERS = 40
GENERATOR = np.random.default_rng(0)
VALUES = {
    name: [{measure: GENERATOR.random(USERS) for measure in LIST_MEASURES} for _ in range(2)]
    for name in ("model", "baseline")
}
CATALOGUE = RankedCatalogue(np.arange(9) < 7, np.zeros(9, dtype=np.int64), np.zeros(9))
MEASURED = {
    name: [MeasuredLists(np.arange(USERS), values, {"distinct_items@10": 3.0}) for values in by_size]
    for name, by_size in VALUES.items()
}
TABLE = list_table(MEASURED, CATALOGUE, relevant=1.5, sizes=(0, 5), resamples=300, seed=0)


def test_table_describes_users_and_items() -> None:
    assert (TABLE.sizes, TABLE.users, TABLE.items, TABLE.relevant) == ((0, 5), USERS, 7, 1.5)
    assert [contestant.name for contestant in TABLE.contestants] == ["model", "baseline"]
    assert TABLE.contestants[1].by_size[1].over_all == {"distinct_items@10": 3.0}


@pytest.mark.parametrize("measure", LIST_MEASURES)
def test_cells_are_means_and_paired_differences_of_their_own_measure(measure: str) -> None:
    for place in range(2):
        model, baseline = (VALUES[name][place][measure] for name in ("model", "baseline"))
        ours, theirs = (contestant.by_size[place] for contestant in TABLE.contestants)
        assert ours.measures[measure].value == pytest.approx(model.mean())
        assert theirs.measures[measure].value == pytest.approx(baseline.mean())
        assert theirs.differences[measure].value == pytest.approx((model - baseline).mean())
        assert theirs.differences[measure].low < (model - baseline).mean() < theirs.differences[measure].high
        assert ours.differences == {}


def test_difference_of_shifted_values_has_no_width() -> None:
    """Differences are paired: what all users share leaves no uncertainty."""
    shifted = [
        MeasuredLists(lists.users, {name: values - 0.25 for name, values in lists.values.items()}, {})
        for lists in MEASURED["model"]
    ]
    table = list_table(
        {"model": MEASURED["model"], "worse": shifted}, CATALOGUE, relevant=1.5, sizes=(0, 5), resamples=100, seed=0
    )
    difference = table.contestants[1].by_size[0].differences["recall@10"]
    assert (difference.low, difference.value, difference.high) == pytest.approx((0.25, 0.25, 0.25))
