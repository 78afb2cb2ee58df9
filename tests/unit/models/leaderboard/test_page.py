import pytest

from models.evaluation.figures import Estimate
from models.leaderboard.figures import Kind, Leaderboard
from models.leaderboard.page import BETTER, UNDECIDED, WORSE, beaten, main_table, page, summary, verdict
from models.metrics import MAE, Direction
from tests.unit.models.leaderboard.conftest import Made


@pytest.mark.parametrize(
    ("low", "high", "direction", "expected"),
    [
        (-0.2, -0.1, Direction.LOWER, BETTER),
        (-0.2, -0.1, Direction.HIGHER, WORSE),
        (0.1, 0.2, Direction.LOWER, WORSE),
        (0.1, 0.2, Direction.HIGHER, BETTER),
        (-0.1, 0.1, Direction.LOWER, UNDECIDED),
        (None, None, Direction.LOWER, UNDECIDED),
    ],
)
def test_only_an_interval_on_one_side_of_0_decides(
    low: float | None, high: float | None, direction: Direction, expected: str
) -> None:
    assert verdict(Estimate(value=0.0, low=low, high=high), direction) == expected


def test_the_page_has_the_figures_of_the_json(made: Made) -> None:
    written = page(made.leaderboard)
    for contestant in made.leaderboard.contestants:
        for figures in contestant.states.values():
            assert f"{figures.measures[MAE.name].value:.3f}" in written
        for lists in contestant.catalogue.values():
            assert f"{lists.measures['list_ndcg@10'].value:.3f}" in written


def test_the_main_table_is_in_order_of_the_mae_of_new_users(made: Made) -> None:
    header, *rows = main_table(made.leaderboard)
    maes = [float(row[header.index("MAE user_cold")]) for row in rows]
    assert len(rows) == 3
    assert maes == sorted(maes)
    assert all(len(row) == len(header) for row in rows)


def test_the_page_says_which_learners_beat_their_unadapted_selves(made: Made) -> None:
    better, others = beaten(made.leaderboard)
    assert {contestant.name for contestant in (*better, *others)} == {"steps", "neighbours"}
    assert f"{len(better)} of 2 learners beat their unadapted selves" in summary(made.leaderboard)
    written = page(made.leaderboard)
    for contestant in others:
        assert f"`{contestant.name}` is not shown to beat its unadapted self" in written


def test_the_page_says_how_long_training_took(made: Made) -> None:
    hour = made.leaderboard.model_copy(
        update={
            "contestants": tuple(
                one.model_copy(update={"training_seconds": 900.0 if one.kind is Kind.LEARNER else None})
                for one in made.leaderboard.contestants
            )
        }
    )
    # Two learners, two seeds.
    assert "The trainings took 60 minutes of processor time." in page(hour)


def test_the_page_names_failures_and_plots(made: Made) -> None:
    written = page(made.leaderboard, plots={"A plot": "plot.svg"})
    assert "## Failed\n- broken" in written
    assert "![A plot](plot.svg)" in written


def test_lists_of_the_main_table_are_those_after_five_ratings_or_fewer(made: Made) -> None:
    assert made.leaderboard.main_size == 5
    header, *rows = main_table(at_most(made.leaderboard, ratings=3))
    place = header.index("nDCG@10 after 3")
    lists = {one.name: one.catalogue for one in made.leaderboard.contestants}
    for row in rows:
        expected = f"{lists[row[0]][3].measures['list_ndcg@10'].value:.3f}" if lists[row[0]] else ""
        assert row[place] == expected


def at_most(leaderboard: Leaderboard, *, ratings: int) -> Leaderboard:
    """The leaderboard of a data set whose users have few ratings."""
    shorter = [
        one.model_copy(update={"catalogue": {size: lists for size, lists in one.catalogue.items() if size <= ratings}})
        for one in leaderboard.contestants
    ]
    return leaderboard.model_copy(update={"contestants": tuple(shorter)})
