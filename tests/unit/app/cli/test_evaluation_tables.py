"""The tables of an evaluation, at several widths, from a stored report."""

from pathlib import Path

import pytest

from app.cli.evaluation_tables import print_report
from models.evaluation import Estimate, EvaluationReport
from models.evaluation.figures import AttributeGroups, Counterfactual, GroupDifferences, GroupGap
from models.metrics import decoding_of_measures

RESULTS = Path(__file__).parents[4] / "docs" / "results"
LONG = "a-preset-with-a-name-of-forty-characters"


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    """The report of MovieLens 1M, of a model with a long name."""
    text = (RESULTS / "evaluation.json").read_text(encoding="utf-8")
    return EvaluationReport.model_validate_json(text.replace('"coldstart"', f'"{LONG}"'))


@pytest.mark.parametrize("width", ["60", "80", "200", None])
def test_tables_have_every_name_and_number_at_any_width(
    report: EvaluationReport, width: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", width)
    print_report(report)
    shown = capsys.readouterr().out

    assert LONG in shown
    for state in report.states:
        for predictor in state.predictors:
            assert predictor.name in shown
            for measure in ("mae", "mae_of_mean", "rmse", "ndcg@1_linear", "ndcg@3_linear", "nll"):
                if (estimate := predictor.measures.get(measure)) is not None:
                    low, high = estimate.ends
                    assert f"{estimate.value:.3f} ±{(high - low) / 2:.3f}" in shown
    assert report.lists is not None
    for contestant in report.lists.catalogue.contestants:
        for cell in contestant.by_size:
            assert f"{cell.measures['list_ndcg@10'].value:.3f} ±" in shown
    if width is not None:
        # Names and numbers are never broken, so a line may be as wide as the longest name with a column beside it.
        assert max(map(len, shown.splitlines())) <= int(width)


def test_tables_say_how_every_row_is_decoded(
    report: EvaluationReport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_report(report.model_copy(update={"decoding": decoding_of_measures()}))

    assert (
        "The same for all predictors. MAE: predictions rounded to a rating of the scale; "
        "MAE of the expected rating and RMSE: predictions not rounded.\n"
    ) in capsys.readouterr().out


def test_figure_of_one_user_has_no_interval_and_the_reason(
    report: EvaluationReport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    alone = Estimate(value=0.671, low=None, high=None)
    state = report.states[0]
    predictor = state.predictors[0].model_copy(update={"measures": {"mae": alone}})
    print_report(
        report.model_copy(
            update={"lists": None, "states": (state.model_copy(update={"predictors": (predictor,), "users": 1}),)}
        )
    )
    shown = capsys.readouterr().out

    assert "0.671 —" in shown
    assert "—: no interval, because it is the figure of a single user." in shown


def test_tables_show_inequality_and_groups_of_users(
    report: EvaluationReport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    state = report.states[1]
    worst = {"worst_tenth": Estimate(value=1.234, low=1.2, high=1.3), "gini": Estimate(value=0.321, low=0.3, high=0.34)}
    predictors = tuple(predictor.model_copy(update={"inequality": worst}) for predictor in state.predictors)
    gap = GroupGap(worst="12", best="3", gap=Estimate(value=0.111, low=0.05, high=0.17), chance=0.023)
    change = Counterfactual(
        rating_change=Estimate(value=0.044, low=0.04, high=0.05), shared_items=Estimate(value=0.955, low=0.9, high=1.0)
    )
    occupation = AttributeGroups(
        attribute="occupation",
        groups=(),
        small_groups=7,
        small_group_users=81,
        gaps={"mae": gap},
        with_support=change,
        without_support=None,
    )
    groups = GroupDifferences(
        state="user_cold", users=1234, changed_users=200, least_users=20, attributes=(occupation,)
    )
    print_report(
        report.model_copy(
            update={"states": (state.model_copy(update={"predictors": predictors}),), "group_differences": groups}
        )
    )
    shown = capsys.readouterr().out

    assert shown.count("1.234 ±0.050") == shown.count("0.321 ±0.020") == len(predictors)
    for cell in ("0.111 ±0.060", "0.023", "0.044 ±0.005", "0.955 ±0.050", "1,234 users"):
        assert cell in shown
    assert "occupation: groups with fewer than 20 users are left out: 7, with 81 users\n" in shown
