"""HTML reports: they show all numbers of the JSON, load no other file, and escape texts."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.reports import comparison_body, report_page
from app.reports.verdict import verdict
from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.evaluation import Estimate, EvaluationConfig, EvaluationReport, PredictorReport, evaluate

RESULTS = Path(__file__).parents[4] / "docs" / "results"


@pytest.fixture(scope="module")
def report(model: TrainedModel, two_tastes: Dataset) -> EvaluationReport:
    config = EvaluationConfig(min_ratings=4, query_size=2, bootstrap_resamples=100)
    return evaluate(model, two_tastes, config)[0]


class Page(HTMLParser):
    """The tags and addresses of a page, and its numbers: the values of its `<data>` elements and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.numbers: list[float] = []
        self.shown: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_data = tag == "data"
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "data", "action"}]
        if tag == "data":
            self.numbers.append(float(dict(attrs)["value"] or ""))

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.shown.append(data)
            self._in_data = False


def numbers(part: Any, path: tuple[str, ...] = ()) -> list[float]:  # noqa: ANN401 - any JSON
    """All numbers of a part of the JSON that the page shows."""
    if isinstance(part, dict):
        kept = {
            key: value for key, value in part.items() if key not in {"points", "sizes", "bin_width", "query_ratings"}
        }
        return [
            number
            for key, value in kept.items()
            # The users of curves and histograms are in captions; the errors of single users are only in the JSON.
            if not (key == "users" and path[-1:] in {("by_support",), ("by_steps",)})
            and not (key == "mae" and path[-1:] == ("user_errors",))
            and key != "threshold"
            and not (key == "undefined_users" and value == 0)
            for number in numbers(value, (*path, key))
        ]
    if isinstance(part, list):
        return [number for value in part for number in numbers(value, path)]
    return [float(part)] if isinstance(part, int | float) else []


def test_report_page_of_a_research_twin_names_its_served_model(report: EvaluationReport) -> None:
    assert "Research twin of" not in report_page(report)
    page = report_page(report.model_copy(update={"twin_of": "tiny-served"}))
    assert '<dt>Research twin of</dt><dd class="version">tiny-served</dd>' in page


def test_report_page_numbers_are_those_of_the_json(report: EvaluationReport) -> None:
    page = Page(report_page(report))
    figures = report.model_dump(mode="json")
    strategies = figures["elicitation"]["strategies"]
    shown = [figures["states"], strategies, figures["lists"], figures["group_differences"]]
    assert sorted(page.numbers) == sorted(number for part in shown for number in numbers(part))
    for number, shown in zip(page.numbers, page.shown, strict=True):
        decimals = len(shown.partition(".")[2])
        assert float(shown.replace(",", "")) == pytest.approx(number, abs=0.5000001 * 10**-decimals)


def test_report_page_loads_no_other_file(report: EvaluationReport) -> None:
    text = report_page(report)
    page = Page(text)
    assert page.addresses == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text


def test_report_page_plots_have_accessible_names(report: EvaluationReport) -> None:
    charts = re.findall(r'<svg class="chart"[^>]*>', report_page(report))
    # Five charts for each of four states (errors, support ratings, steps, users, expected ratings).
    # Two charts of elicitation. Two charts of lists.
    assert len(charts) == 4 * 5 + 2 + 2
    assert all(re.search(r'role="img" aria-label="[^"]+"', chart) for chart in charts)


def test_report_page_texts_are_escaped(report: EvaluationReport) -> None:
    hostile = report.model_copy(update={"data": "<script>alert(1)</script>", "notes": ('"><img src=x>',)})
    page = Page(report_page(hostile))
    assert not {"script", "img"} & set(page.tags)


def test_report_page_without_users_says_so(report: EvaluationReport, model: TrainedModel, two_tastes: Dataset) -> None:
    empty, _ = evaluate(model, two_tastes, report.config, episodes=[])
    assert "no user has enough ratings" in report_page(empty)


def with_undefined_users(report: EvaluationReport, measure: str, count: int) -> EvaluationReport:
    """The report, with `count` undefined users for a measure of the first predictor in the first state."""
    state = report.states[0]
    predictor = state.predictors[0]
    estimate = predictor.measures[measure].model_copy(update={"undefined_users": count})
    changed = predictor.model_copy(update={"measures": {**predictor.measures, measure: estimate}})
    states = (state.model_copy(update={"predictors": (changed, *state.predictors[1:])}), *report.states[1:])
    return report.model_copy(update={"states": states})


def test_report_page_with_undefined_users_says_how_many(report: EvaluationReport) -> None:
    text = report_page(with_undefined_users(report, "ndcg@3_linear", 1234))
    assert text.count('without <data value="1234">1,234</data>') == 1
    assert "left out of the average" in text


def test_report_page_without_undefined_users_does_not_mention_them(report: EvaluationReport) -> None:
    assert "left out of the average" not in report_page(report)


def test_report_page_shows_lists_of_the_whole_catalogue_and_of_new_items(report: EvaluationReport) -> None:
    text = report_page(report)
    for title in ("Whole catalogue", "New items alone"):
        assert f"<caption>{title}: nDCG@10 (higher is better)</caption>" in text
        assert f"<caption>{title}: nDCG@10 (higher is better); tiny less the row, paired by user</caption>" in text
        assert f"<caption>{title}: Distinct items in the top 10 (items, higher is better)</caption>" in text
    assert all(note in text for note in report.lists.notes)


def test_report_page_shows_how_evenly_users_are_served(report: EvaluationReport) -> None:
    text = report_page(report)
    assert "<caption>MAE of the worst-served tenth (rating points, lower is better)</caption>" in text
    assert "<caption>Gini coefficient (lower is better)</caption>" in text


def test_report_page_shows_groups_and_changes_of_each_attribute(report: EvaluationReport) -> None:
    text = report_page(report)
    section = text[text.index("<h2>Differences between groups</h2>") :]
    assert section.count('<th scope="row">country</th>') >= 2
    assert "without ratings" in section


def test_report_page_of_an_older_release_has_neither_inequality_nor_groups(report: EvaluationReport) -> None:
    old = report.model_dump(mode="json")
    del old["group_differences"]
    for state in old["states"]:
        for predictor in state["predictors"]:
            del predictor["inequality"]
    text = report_page(EvaluationReport.model_validate(old))
    assert "Gini" not in text
    assert "Differences between groups" not in text


def test_report_page_of_an_older_release_has_no_lists(report: EvaluationReport) -> None:
    old = report.model_dump(mode="json")
    del old["lists"], old["config"]["list_baselines"]
    assert "Lists of new users" not in report_page(EvaluationReport.model_validate(old))


def test_report_page_shows_titles_of_measures(report: EvaluationReport) -> None:
    text = report_page(report)
    assert "<caption>nDCG@3, exponential gain (higher is better)</caption>" in text
    assert "<caption>MAE (rating points, lower is better)</caption>" in text
    assert "ndcg@3_exponential<" not in text


def test_report_of_an_older_release_is_loaded_without_undefined_users(report: EvaluationReport) -> None:
    """Reports that were written before undefined users were counted can still be read."""
    old = json.loads(re.sub(r',"undefined_users":0', "", report.model_dump_json()))
    assert "undefined_users" not in old["states"][0]["predictors"][0]["measures"]["mae"]
    assert EvaluationReport.model_validate(old) == report


class TestComparison:
    def test_comparison_with_itself_has_no_clear_difference(self, report: EvaluationReport) -> None:
        text = comparison_body(report, report)
        assert text.count("no clear difference") == 4
        assert text.count('<data value="0.0">+0.000</data>') == 12

    def test_comparison_with_a_worse_model_names_the_better_one(
        self, report: EvaluationReport, model: TrainedModel
    ) -> None:
        def worse(state: Any) -> Any:  # noqa: ANN401
            errors = state.user_errors
            return state.model_copy(
                update={"user_errors": errors.model_copy(update={"mae": tuple(mae + 0.25 for mae in errors.mae)})}
            )

        other = report.model_copy(
            update={"model_version": "other-1", "states": tuple(worse(state) for state in report.states)}
        )
        text = comparison_body(report, other)
        assert text.count(f"{model.version} is better") == 4
        assert "-0.250" in text

    def test_comparison_of_other_episodes_is_not_paired(
        self, report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
    ) -> None:
        other, _ = evaluate(model, two_tastes, report.config.model_copy(update={"seed": 1}))
        assert comparison_body(report, other).count("not comparable user by user") == 4


@pytest.mark.skipif(not (RESULTS / "evaluation.json").exists(), reason="there is no published report")
def test_published_page_equals_the_page_of_the_published_json() -> None:
    published = EvaluationReport.model_validate_json((RESULTS / "evaluation.json").read_text(encoding="utf-8"))
    assert (RESULTS / "evaluation.html").read_text(encoding="utf-8") == report_page(published)


def test_report_page_shows_its_date_and_values_under_the_pointer(report: EvaluationReport) -> None:
    assert "Made on" not in report_page(report)
    text = report_page(report.model_copy(update={"made_at": datetime(2026, 3, 1, 14, 30, tzinfo=UTC)}))
    assert "2026-03-01 14:30 UTC" in text
    mae = report.states[0].predictors[0].measures["mae"]
    assert f"<title>{report.states[0].predictors[0].name}: {mae.value:.3f} ({mae.low:.3f} to {mae.high:.3f})" in text


def estimates(report: EvaluationReport, *by_state: dict[str, tuple[float, float]]) -> EvaluationReport:
    """The report with these intervals of the MAE, by predictor, of its states."""
    states = tuple(
        state.model_copy(
            update={
                "predictors": tuple(
                    PredictorReport(name=name, measures={"mae": Estimate(value=(low + high) / 2, low=low, high=high)})
                    for name, (low, high) in intervals.items()
                )
            }
        )
        for state, intervals in zip(report.states, by_state, strict=True)
    )
    return report.model_copy(update={"states": states})


BETTER = {"tiny": (0.5, 0.6), "tiny, not adapted": (0.1, 0.2), "global mean": (0.7, 0.8), "support mean": (0.61, 0.69)}
UNCLEAR = BETTER | {"tiny": (0.5, 0.62)}
WORSE = BETTER | {"tiny": (0.7, 0.8)}


@pytest.mark.parametrize(
    ("by_state", "said"),
    [
        ([BETTER] * 4, "Lower error than the best baseline in all four states."),
        ([UNCLEAR] * 4, "No clear difference from the best baseline in all four states."),
        (
            [BETTER, WORSE, UNCLEAR, BETTER],
            "Lower error than the best baseline in 2 of 4 states (Known users, known items; New users, new items). "
            "Higher error than the best baseline in 1 of 4 states (New users, known items). "
            "No clear difference from the best baseline in 1 of 4 states (Known users, new items).",
        ),
        ([{"tiny": (0.5, 0.6)}] * 4, None),
    ],
)
def test_verdict_says_only_what_the_intervals_say(
    report: EvaluationReport, by_state: list[dict[str, tuple[float, float]]], said: str | None
) -> None:
    names = {
        "warm": "Known users, known items",
        "user_cold": "New users, known items",
        "item_cold": "Known users, new items",
        "user_and_item_cold": "New users, new items",
    }
    assert verdict(estimates(report, *by_state).states, names) == said


def test_comparison_of_two_evaluations_of_one_version_tells_them_apart(
    report: EvaluationReport,
) -> None:
    other = report.model_copy(update={"config": report.config.model_copy(update={"seed": 7})})
    text = comparison_body(report, other)
    version = report.model_version
    assert f"{version}, seed 0" in text
    assert f"{version}, seed 7" in text
    assert 'class="line s0" points' in text
    assert 'class="line s2" points' in text
