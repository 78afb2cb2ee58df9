"""From a report's figures to HTML. Every number stands in a `<data>` element with its full value."""

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
from models.evaluation import Estimate, EvaluationReport, StateReport
from models.evaluation.figures import Elicitation, MAECurve, PredictorCurve
from models.metrics.bootstrap import bootstrap_means, interval_95

_DIRECTORY = Path(__file__).parent

_STATE_NAMES = {
    "warm": "Known users, known items",
    "user_cold": "New users, known items",
    "item_cold": "Known users, new items",
    "user_and_item_cold": "New users, new items",
}


def report_page(report: EvaluationReport) -> str:
    """The report as one HTML file that needs no other."""
    return _TEMPLATES.get_template("page.html").render(
        report=report,
        body=report_body(report),
        stylesheet=Markup(stylesheet()),  # noqa: S704 - a file of this package
    )


def stylesheet() -> str:
    """What `report_body` looks good with."""
    return (_DIRECTORY / "report.css").read_text(encoding="utf-8")


def report_body(report: EvaluationReport) -> Markup:
    """The report as a part of a page."""
    states = [state for state in report.states if state.predictors]
    measures = list(dict.fromkeys(measure for state in states for measure in state.predictors[0].measures))
    return Markup(  # noqa: S704 - templates escape what they are given
        _TEMPLATES.get_template("report.html").render(
            report=report,
            states=states,
            empty=[state for state in report.states if not state.predictors],
            measures=measures,
            state_names=_STATE_NAMES,
            charts=_Charts(states),
        )
    )


def comparison_body(one: EvaluationReport, other: EvaluationReport) -> Markup:
    """Two reports side by side, with paired differences where both are of the same episodes."""
    others = {state.state: state for state in other.states if state.predictors}
    pairs = [(state, others[state.state]) for state in one.states if state.predictors and state.state in others]
    return Markup(  # noqa: S704 - templates escape what they are given
        _TEMPLATES.get_template("comparison.html").render(
            one=one,
            other=other,
            pairs=[_Pair.of(own, their) for own, their in pairs],
            state_names=_STATE_NAMES,
            charts=_ComparisonCharts(one, other, pairs),
        )
    )


@dataclass(frozen=True)
class _Pair:
    """One state of two reports, and the paired difference of their MAE, the first less the second."""

    one: StateReport
    other: StateReport
    difference: Estimate | None

    @property
    def measures(self) -> list[str]:
        """The measures that both have."""
        return [measure for measure in self.one.predictors[0].measures if measure in self.other.predictors[0].measures]

    @classmethod
    def of(cls, one: StateReport, other: StateReport) -> "_Pair":
        same = one.episodes_digest is not None and one.episodes_digest == other.episodes_digest
        if not same or one.user_errors is None or other.user_errors is None:
            return cls(one, other, None)
        differences = np.array(one.user_errors.mae) - np.array(other.user_errors.mae)
        resampled = bootstrap_means(differences[:, None], resamples=2000, seed=0)
        (low,), (high,) = interval_95(resampled)
        return cls(one, other, Estimate(value=float(differences.mean()), low=float(low), high=float(high)))


class _Charts:
    """The plots of a report; those of one kind share their axes, so that states can be compared."""

    def __init__(self, states: Sequence[StateReport]) -> None:
        self._states = states
        names = list(dict.fromkeys(each.name for state in states for each in state.predictors))
        self.styles = {name: place for place, name in enumerate(names)}

    def mae(self, state: StateReport) -> Markup:
        """MAE of every predictor with its interval."""
        every = [each.measures["mae"] for own in self._states for each in own.predictors]
        axis = linear_axis([end for each in every for end in (each.low, each.high)], "MAE, less is better")
        rows = [
            (Series(each.name, self.styles[each.name], [(mae.value, 0.0)]), (mae.low, mae.high))
            for each in state.predictors
            for mae in (each.measures["mae"],)
        ]
        return interval_chart(f"MAE in the state {state.state}", rows, axis)

    def by_support(self, state: StateReport) -> Markup:
        """MAE against the number of support ratings."""
        curves = [own.by_support for own in self._states if own.by_support]
        assert state.by_support is not None  # noqa: S101 - the template asks for it only then
        title = f"MAE against support ratings in the state {state.state}"
        return _curve_chart(title, state.by_support, curves, self.styles, "support ratings")

    def by_steps(self, state: StateReport) -> Markup:
        """MAE against the number of local steps."""
        curves = [own.by_steps for own in self._states if own.by_steps]
        assert state.by_steps is not None  # noqa: S101
        styles = {each.name: 0 for each in state.by_steps.predictors}
        title = f"MAE against local steps in the state {state.state}"
        return _curve_chart(title, state.by_steps, curves, styles, "local steps")

    def user_errors(self, state: StateReport) -> Markup:
        """How MAE is distributed over users, as shares, since states have different numbers of users."""
        every = [own.user_errors for own in self._states if own.user_errors]
        own = state.user_errors
        assert own is not None  # noqa: S101
        longest = max(each.bin_width * len(each.counts) for each in every)
        highest = max(max(each.counts) / sum(each.counts) for each in every)
        return histogram(
            f"Distribution of MAE over users in the state {state.state}",
            own.counts,
            own.bin_width,
            linear_axis([0.0, longest], "MAE of a user"),
            _scaled(linear_axis([0.0, 100 * highest], "% of the users", low=0.0), sum(own.counts) / 100),
            [(own.quantiles[50], "median"), (own.quantiles[90], "90 %")],
        )

    def thresholds(self, state: StateReport) -> Markup:
        """Predicted probability against observed share."""
        assert state.calibration is not None  # noqa: S101
        series = [
            Series(
                f"≥ {each.threshold:g}",
                place,
                [(own.predicted, own.observed) for own in each.bins],
                sizes=[own.count for own in each.bins],
            )
            for place, each in enumerate(state.calibration.thresholds)
        ]
        axes = (
            linear_axis([], "predicted probability", low=0.0, high=1.0),
            linear_axis([], "observed share", low=0.0, high=1.0),
        )
        return reliability_diagram(f"Predicted probabilities in the state {state.state}", series, *axes)

    def ratings(self, state: StateReport) -> Markup:
        """Expected against observed ratings."""
        assert state.calibration is not None  # noqa: S101
        bins = [own for each in self._states if each.calibration for own in each.calibration.ratings]
        ends = [end for own in bins for end in (own.predicted, own.observed)]
        points = [(own.predicted, own.observed) for own in state.calibration.ratings]
        series = Series("", 0, points, sizes=[own.count for own in state.calibration.ratings])
        axes = (linear_axis(ends, "expected rating"), linear_axis(ends, "observed mean"))
        return reliability_diagram(f"Expected ratings in the state {state.state}", [series], *axes)

    def strategies(self, elicitation: Elicitation) -> Markup:
        """MAE against the number of questions."""
        curve = MAECurve(
            points=elicitation.questions,
            users=elicitation.users,
            predictors=tuple(PredictorCurve(name=each.name, mae=each.mae) for each in elicitation.strategies),
        )
        styles = {each.name: place for place, each in enumerate(elicitation.strategies)}
        return _curve_chart("MAE against questions, by strategy", curve, [curve], styles, "questions asked")

    def answers(self, elicitation: Elicitation) -> Markup:
        """Answers against the number of questions."""
        series = [
            Series(each.name, place, [(float(at), own.value) for at, own in enumerate(each.answers)])
            for place, each in enumerate(elicitation.strategies)
        ]
        most = max(own.value for each in elicitation.strategies for own in each.answers)
        horizontal = places_axis([str(count) for count in elicitation.questions], "questions asked")
        return line_chart("Answers by candidate strategy", series, horizontal, linear_axis([0.0, most], "answers"))


class _ComparisonCharts:
    """The plots of a comparison."""

    def __init__(
        self, one: EvaluationReport, other: EvaluationReport, pairs: Sequence[tuple[StateReport, StateReport]]
    ) -> None:
        self._names = (one.model_version, other.model_version)
        self._curves = {
            own.state: _merged(own.by_support, their.by_support, self._names)
            for own, their in pairs
            if own.by_support and their.by_support and own.by_support.points == their.by_support.points
        }

    def by_support(self, state: str) -> Markup | None:
        """Both models' MAE against the number of support ratings."""
        if state not in self._curves:
            return None
        styles = {name: 2 * place for place, name in enumerate(dict.fromkeys(self._names))}
        title = f"MAE of both models against support ratings in the state {state}"
        return _curve_chart(title, self._curves[state], list(self._curves.values()), styles, "support ratings")


def _merged(one: MAECurve, other: MAECurve, names: tuple[str, str]) -> MAECurve:
    """The evaluated models' curves in one."""
    curves = [
        own.predictors[0].model_copy(update={"name": name}) for own, name in zip((one, other), names, strict=True)
    ]
    return MAECurve(points=one.points, users=one.users, predictors=tuple(curves))


def _curve_chart(
    title: str, curve: MAECurve, all_curves: Sequence[MAECurve], styles: dict[str, int], horizontal: str
) -> Markup:
    values = [mae.value for each in all_curves for own in each.predictors for mae in own.mae]
    leading = [end for each in all_curves for mae in each.predictors[0].mae for end in (mae.low, mae.high)]
    series = [
        Series(
            own.name,
            styles[own.name],
            [(float(place), mae.value) for place, mae in enumerate(own.mae)],
            band=[(mae.low, mae.high) for mae in own.mae] if own is curve.predictors[0] else (),
        )
        for own in curve.predictors
    ]
    labels = [str(point) for point in curve.points]
    return line_chart(title, series, places_axis(labels, horizontal), linear_axis([*values, *leading], "MAE"))


def _scaled(axis: Axis, factor: float) -> Axis:
    """The axis in other units, with the labels that it has."""
    return Axis(axis.low * factor, axis.high * factor, [(at * factor, label) for at, label in axis.ticks], axis.title)


def _number(value: float, decimals: int = 3, sign: str = "-") -> Markup:
    """A number as people read it, with its full value for programs."""
    return Markup('<data value="{}">{}</data>').format(repr(value), f"{value:{sign}.{decimals}f}")


def _estimate(estimate: Estimate, sign: str = "-") -> Markup:
    """A mean and its interval."""
    return Markup('{} <span class="interval">{}–{}</span>').format(
        _number(estimate.value, sign=sign), _number(estimate.low, sign=sign), _number(estimate.high, sign=sign)
    )


_TEMPLATES = Environment(
    loader=FileSystemLoader(_DIRECTORY),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(number=_number, estimate=_estimate)
