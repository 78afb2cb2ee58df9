"""Reports as HTML. Every number is in a `<data>` element that holds its full value."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.reports.charts import (
    Axis,
    Series,
    histogram,
    interval_chart,
    line_chart,
    linear_axis,
    places_axis,
    reliability_diagram,
)
from app.reports.lists import ListCharts
from app.reports.verdict import verdict
from models.data.evaluation_episodes import Order
from models.evaluation import Estimate, EvaluationReport, StateReport
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import CalibrationBin, Elicitation, MAECurve, PredictorCurve
from models.metrics import MAE, measure_caption, measure_title
from models.metrics.lists import ALL_LISTS_MEASURES, DISTINCT_ITEMS, LIST_MEASURES, LIST_SIMILARITY

_DIRECTORY = Path(__file__).parent

STATE_NAMES = {
    "warm": "Known users, known items",
    "user_cold": "New users, known items",
    "item_cold": "Known users, new items",
    "user_and_item_cold": "New users, new items",
}
"""The states in words."""

_FEW = 30
"""Predictions of a calibration bin below which it is merged with its neighbour in the plots."""

_DECIMALS = {DISTINCT_ITEMS.name: 0, LIST_SIMILARITY.name: 3}
"""Decimals of the measures of all lists."""


def report_page(report: EvaluationReport) -> str:
    """The report as one self-contained HTML file."""
    return _TEMPLATES.get_template("page.html").render(
        report=report,
        body=report_body(report),
        stylesheet=Markup(stylesheet()),  # noqa: S704 - a file of this package
    )


def _list_measures(report: EvaluationReport) -> list[str]:
    """The measures of the lists, in the order of `LIST_MEASURES`; without those that the report does not have."""
    if report.lists is None:
        return []
    cells = [cell for contestant in report.lists.catalogue.contestants for cell in contestant.by_size]
    return [name for name in LIST_MEASURES if any(name in cell.measures for cell in cells)]


def stylesheet() -> str:
    """The style sheet of `report_body` and `comparison_body`."""
    return (_DIRECTORY / "report.css").read_text(encoding="utf-8")


def report_body(report: EvaluationReport) -> Markup:
    """The report as a part of a page."""
    states = [state for state in report.states if state.predictors]
    predictors = [predictor for state in states for predictor in state.predictors]
    measures = list(dict.fromkeys(measure for predictor in predictors for measure in predictor.measures))
    estimates = [estimate for predictor in predictors for estimate in predictor.measures.values()]
    return Markup(  # noqa: S704 - templates escape what they are given
        _TEMPLATES.get_template("report.html").render(
            report=report,
            states=states,
            empty=[state for state in report.states if not state.predictors],
            measures=measures,
            inequality=list(dict.fromkeys(measure for predictor in predictors for measure in predictor.inequality)),
            users_left_out=any(estimate.undefined_users for estimate in estimates),
            state_names=STATE_NAMES,
            verdict=verdict(states, STATE_NAMES),
            charts=_Charts(states),
            lists=report.lists,
            list_charts=ListCharts(report.lists) if report.lists else None,
            lists_in_time=report.config.order is Order.TIME,
            list_measures=_list_measures(report),
            all_lists_measures=list(ALL_LISTS_MEASURES),
            decimals=_DECIMALS,
        )
    )


def comparison_body(one: EvaluationReport, other: EvaluationReport) -> Markup:
    """Two reports side by side, with paired differences where both are of the same episodes."""
    names = _labels(one, other)
    others = {state.state: state for state in other.states if state.predictors}
    pairs = [(state, others[state.state]) for state in one.states if state.predictors and state.state in others]
    return Markup(  # noqa: S704 - templates escape what they are given
        _TEMPLATES.get_template("comparison.html").render(
            one=one,
            other=other,
            names=names,
            pairs=[_Pair.of(one_state, other_state) for one_state, other_state in pairs],
            state_names=STATE_NAMES,
            charts=_ComparisonCharts(names, pairs),
        )
    )


def _labels(one: EvaluationReport, other: EvaluationReport) -> tuple[str, str]:
    """Different names for both: their versions, with the settings that differ if that is one version."""
    if one.model_version != other.model_version:
        return one.model_version, other.model_version
    first, second = (
        [f"seed {each.config.seed}", f"steps {each.config.steps or 'of the preset'}"] for each in (one, other)
    )
    differing = [(mine, theirs) for mine, theirs in zip(first, second, strict=True) if mine != theirs]
    if not differing:
        return f"{one.model_version} (first)", f"{other.model_version} (second)"
    version = one.model_version
    return (
        f"{version}, {', '.join(mine for mine, _ in differing)}",
        f"{version}, {', '.join(its for _, its in differing)}",
    )


@dataclass(frozen=True)
class _Pair:
    """One state of two reports, and the paired difference of their MAE, `one` − `other`.

    There is no difference where the two reports are not on the same episodes.
    """

    one: StateReport
    other: StateReport
    difference: Estimate | None

    @property
    def measures(self) -> list[str]:
        """The names of the measures that both reports have."""
        return [measure for measure in self.one.predictors[0].measures if measure in self.other.predictors[0].measures]

    @classmethod
    def of(cls, one: StateReport, other: StateReport) -> "_Pair":
        same = one.episodes_digest is not None and one.episodes_digest == other.episodes_digest
        if not same or one.user_errors is None or other.user_errors is None:
            return cls(one, other, None)
        differences = np.array(one.user_errors.mae) - np.array(other.user_errors.mae)
        (difference,) = estimate_means(differences[:, None], resamples=2000, seed=0)
        return cls(one, other, difference)


class _Charts:
    """The plots of a report. Plots of one kind share their axes, so that states can be compared."""

    def __init__(self, states: Sequence[StateReport]) -> None:
        self._states = states
        names = dict.fromkeys(predictor.name for state in states for predictor in state.predictors)
        self.styles = {name: style for style, name in enumerate(names)}

    def mae(self, state: StateReport) -> Markup:
        """MAE of every predictor with its interval."""
        all_maes = [predictor.measures[MAE.name] for drawn in self._states for predictor in drawn.predictors]
        axis = linear_axis([end for mae in all_maes for end in mae.ends], f"{MAE.title}, {MAE.direction} is better")
        maes = [(predictor.name, predictor.measures[MAE.name]) for predictor in state.predictors]
        rows = [(Series(name, self.styles[name], [(mae.value, 0.0)]), mae.ends) for name, mae in maes]
        return interval_chart(f"MAE in the state {state.state}", rows, axis)

    def by_support(self, state: StateReport) -> Markup:
        """MAE against the number of support ratings."""
        curves = [drawn.by_support for drawn in self._states if drawn.by_support]
        assert state.by_support is not None  # noqa: S101 - the template asks for it only then
        title = f"MAE against support ratings in the state {state.state}"
        return _curve_chart(title, state.by_support, curves, self.styles, "support ratings")

    def by_steps(self, state: StateReport) -> Markup:
        """MAE against the number of local steps."""
        curves = [drawn.by_steps for drawn in self._states if drawn.by_steps]
        assert state.by_steps is not None  # noqa: S101
        styles = {predictor.name: 0 for predictor in state.by_steps.predictors}
        title = f"MAE against local steps in the state {state.state}"
        return _curve_chart(title, state.by_steps, curves, styles, "local steps")

    def user_errors(self, state: StateReport) -> Markup:
        """How the MAE is distributed over users: shares of users, because states have different numbers of users."""
        errors = state.user_errors
        assert errors is not None  # noqa: S101
        all_errors = [drawn.user_errors for drawn in self._states if drawn.user_errors]
        longest = max(drawn.bin_width * len(drawn.counts) for drawn in all_errors)
        highest = max(max(drawn.counts) / sum(drawn.counts) for drawn in all_errors)
        return histogram(
            f"Distribution of MAE over users in the state {state.state}",
            errors.counts,
            errors.bin_width,
            linear_axis([0.0, longest], "MAE of a user"),
            _scaled(linear_axis([0.0, 100 * highest], "% of the users", low=0.0), sum(errors.counts) / 100),
            [(errors.quantiles[50], "median"), (errors.quantiles[90], "90 %")],
        )

    def thresholds(self, state: StateReport) -> Markup:
        """Predicted probability against observed share."""
        assert state.calibration is not None  # noqa: S101
        series = [
            Series(
                f"≥ {event.threshold:g}",
                style,
                [(point.predicted, point.observed) for point in bins],
                sizes=[point.count for point in bins],
            )
            for style, event in enumerate(state.calibration.thresholds)
            if (bins := _merged_bins(event.bins))
        ]
        axes = (
            linear_axis([], "predicted probability", low=0.0, high=1.0),
            linear_axis([], "observed share", low=0.0, high=1.0),
        )
        return reliability_diagram(f"Predicted probabilities in the state {state.state}", series, *axes)

    def ratings(self, state: StateReport) -> Markup:
        """Expected against observed ratings."""
        assert state.calibration is not None  # noqa: S101
        all_points = [point for drawn in self._states if drawn.calibration for point in drawn.calibration.ratings]
        ends = [end for point in all_points for end in (point.predicted, point.observed)]
        bins = _merged_bins(state.calibration.ratings)
        points = [(point.predicted, point.observed) for point in bins]
        series = Series("", 0, points, sizes=[point.count for point in bins])
        axes = (linear_axis(ends, "expected rating"), linear_axis(ends, "observed mean"))
        return reliability_diagram(f"Expected ratings in the state {state.state}", [series], *axes)

    def strategies(self, elicitation: Elicitation) -> Markup:
        """MAE against the number of questions."""
        curve = MAECurve(
            points=elicitation.questions,
            users=elicitation.users,
            predictors=tuple(
                PredictorCurve(name=strategy.name, mae=strategy.mae) for strategy in elicitation.strategies
            ),
        )
        styles = {strategy.name: style for style, strategy in enumerate(elicitation.strategies)}
        return _curve_chart("MAE against questions, by strategy", curve, [curve], styles, "questions asked")

    def answers(self, elicitation: Elicitation) -> Markup:
        """Answers against the number of questions."""
        series = [
            Series(strategy.name, style, [(float(place), mean.value) for place, mean in enumerate(strategy.answers)])
            for style, strategy in enumerate(elicitation.strategies)
        ]
        most = max(mean.value for strategy in elicitation.strategies for mean in strategy.answers)
        horizontal = places_axis([str(count) for count in elicitation.questions], "questions asked")
        return line_chart("Answers by candidate strategy", series, horizontal, linear_axis([0.0, most], "answers"))


class _ComparisonCharts:
    """The plots of a comparison."""

    def __init__(self, names: tuple[str, str], pairs: Sequence[tuple[StateReport, StateReport]]) -> None:
        self._names = names
        self._curves = {
            first.state: _merged(first.by_support, second.by_support, self._names)
            for first, second in pairs
            if first.by_support and second.by_support and first.by_support.points == second.by_support.points
        }

    def by_support(self, state: str) -> Markup | None:
        """Both models' MAE against the number of support ratings."""
        if state not in self._curves:
            return None
        styles = {name: 2 * place for place, name in enumerate(dict.fromkeys(self._names))}
        title = f"MAE of both models against support ratings in the state {state}"
        return _curve_chart(title, self._curves[state], list(self._curves.values()), styles, "support ratings")


def _merged(one: MAECurve, other: MAECurve, names: tuple[str, str]) -> MAECurve:
    """The curves of the two evaluated models in one plot."""
    curves = [
        curve.predictors[0].model_copy(update={"name": name}) for curve, name in zip((one, other), names, strict=True)
    ]
    return MAECurve(points=one.points, users=one.users, predictors=tuple(curves))


def _curve_chart(
    title: str, curve: MAECurve, all_curves: Sequence[MAECurve], styles: dict[str, int], horizontal: str
) -> Markup:
    values = [mae.value for drawn in all_curves for predictor in drawn.predictors for mae in predictor.mae]
    bands = [end for drawn in all_curves for mae in drawn.predictors[0].mae for end in mae.ends]
    series = [
        Series(
            predictor.name,
            styles[predictor.name],
            [(float(place), mae.value) for place, mae in enumerate(predictor.mae)],
            band=[mae.ends for mae in predictor.mae] if predictor is curve.predictors[0] else (),
        )
        for predictor in curve.predictors
    ]
    labels = [str(point) for point in curve.points]
    return line_chart(title, series, places_axis(labels, horizontal), linear_axis([*values, *bands], MAE.title))


def _merged_bins(bins: Sequence[CalibrationBin]) -> list[CalibrationBin]:
    """The bins, the small ones merged with their neighbours: a mean of few observations says little."""
    merged: list[CalibrationBin] = []
    for each in bins:
        if merged and min(merged[-1].count, each.count) < _FEW:
            last = merged.pop()
            count = last.count + each.count
            each = CalibrationBin(  # noqa: PLW2901
                predicted=(last.predicted * last.count + each.predicted * each.count) / count,
                observed=(last.observed * last.count + each.observed * each.count) / count,
                count=count,
            )
        merged.append(each)
    return merged


def _scaled(axis: Axis, factor: float) -> Axis:
    """The axis in other units, with the same labels."""
    ticks = [(place * factor, label) for place, label in axis.ticks]
    return Axis(axis.low * factor, axis.high * factor, ticks, axis.title)


def _number(value: float, decimals: int = 3, sign: str = "-") -> Markup:
    """A number as people read it, with its full value for programs."""
    return Markup('<data value="{}">{}</data>').format(repr(value), f"{value:{sign}.{decimals}f}")


def _estimate(estimate: Estimate, sign: str = "-") -> Markup:
    """An average and its interval if it has one, and how many users were left out if there are any."""
    html = _number(estimate.value, sign=sign)
    if estimate.has_interval:
        low, high = (_number(end, sign=sign) for end in estimate.ends)
        html += Markup(' <span class="interval">{}–{}</span>').format(low, high)
    else:
        html += Markup(' <span class="interval">— (one user, so no interval)</span>')
    if estimate.undefined_users:
        count = estimate.undefined_users
        html += Markup(' <span class="interval">without <data value="{}">{:,}</data></span>').format(count, count)
    return html


_TEMPLATES = Environment(
    loader=FileSystemLoader(_DIRECTORY),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(number=_number, estimate=_estimate, title=measure_title, caption=measure_caption)
