"""Small plots as inline SVG: colours and lines come from the style sheet by class, so that they suit dark and light."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 310.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 10.0, 26.0, 38.0
_EMPTY = Markup("")


@dataclass(frozen=True)
class Series:
    """One line of a plot; `style` numbers the look, so that one thing looks alike in all plots.

    Attributes:
        name: Of the line.
        style: Of the line.
        values: One a point.
        band: Lower and upper ends of an interval around each point, if it is shown.
        sizes: In a reliability diagram, how many predictions are behind each point.
    """

    name: str
    style: int
    values: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = ()
    sizes: Sequence[int] = ()


@dataclass(frozen=True)
class Axis:
    """One axis: its range in data units, where it is labelled, and what it is called."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str


def linear_axis(values: Iterable[float], title: str, *, low: float | None = None, high: float | None = None) -> Axis:
    """An axis around values, or from `low` to `high`, with round numbers at its ticks."""
    numbers = list(values)
    bottom, top = (min(numbers) if low is None else low), (max(numbers) if high is None else high)
    step = _round_step((top - bottom or 1.0) / 4)
    first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
    last = max(last, first + 1)
    places = [place * step for place in range(first, last + 1)]
    decimals = next(count for count in range(12) if abs(round(step, count) - step) < 1e-9 * step)
    return Axis(places[0], places[-1], [(place, f"{place:.{decimals}f}") for place in places], title)


def places_axis(labels: Sequence[str], title: str) -> Axis:
    """An axis of equally distant labels: the first at 0, the next at 1 and so on."""
    return Axis(
        low=-0.2, high=len(labels) - 0.8, ticks=[(place, label) for place, label in enumerate(labels)], title=title
    )


def line_chart(title: str, series: Sequence[Series], horizontal: Axis, vertical: Axis) -> Markup:
    """Lines, the first on top, with a band where there is one."""
    frame = _Frame(horizontal, vertical)
    body = [frame.axes()]
    for each in reversed(series):
        if each.band:
            upper = [(x, high) for (x, _), (_, high) in zip(each.values, each.band, strict=True)]
            lower = [(x, low) for (x, _), (low, _) in zip(each.values, each.band, strict=True)]
            body.append(_tag("polygon", f"band s{each.style}", points=frame.points([*upper, *reversed(lower)])))
        body.append(_tag("polyline", f"line s{each.style}", points=frame.points(each.values)))
        body.extend(_dot(frame, each, x, y, 2.6) for x, y in each.values)
    return _svg(title, body)


def histogram(
    title: str,
    counts: Sequence[int],
    bin_width: float,
    horizontal: Axis,
    vertical: Axis,
    marks: Sequence[tuple[float, str]],
) -> Markup:
    """Bars from 0 on, and vertical lines with names at `marks`."""
    frame = _Frame(horizontal, vertical)
    body = [frame.axes()]
    for place, count in enumerate(counts):
        left, right = frame.x(place * bin_width), frame.x((place + 1) * bin_width)
        top = frame.y(count)
        body.append(_tag("rect", "bar", x=left + 0.5, y=top, width=right - left - 1, height=max(0.0, frame.y(0) - top)))
    for row, (at, name) in enumerate(marks):
        x = frame.x(at)
        body.append(_tag("line", "mark", x1=x, x2=x, y1=_TOP + 12.0 * row, y2=frame.y(0)))
        body.append(_text(x + 4, _TOP + 8 + 12 * row, name, "label start"))
    return _svg(title, body)


def reliability_diagram(title: str, series: Sequence[Series], horizontal: Axis, vertical: Axis) -> Markup:
    """What was predicted against what was observed; on the diagonal both are the same."""
    frame = _Frame(horizontal, vertical)
    low, high = max(horizontal.low, vertical.low), min(horizontal.high, vertical.high)
    diagonal = _tag("line", "diagonal", x1=frame.x(low), y1=frame.y(low), x2=frame.x(high), y2=frame.y(high))
    body = [frame.axes(), diagonal]
    for each in series:
        body.append(_tag("polyline", f"line s{each.style}", points=frame.points(each.values)))
        largest = max(each.sizes)
        body.extend(
            _dot(frame, each, x, y, 2.0 + 3.5 * math.sqrt(size / largest))
            for (x, y), size in zip(each.values, each.sizes, strict=True)
        )
    return _svg(title, body)


def interval_chart(title: str, rows: Sequence[tuple[Series, tuple[float, float]]], horizontal: Axis) -> Markup:
    """One row a series: its first value as a dot on its interval."""
    row_height, names_width = 24.0, min(180.0, 14 + 5.8 * max(len(each.name) for each, _ in rows))
    height = row_height * len(rows) + _BOTTOM + 6
    frame = _Frame(horizontal, Axis(0, 1, (), ""), height=height, left=names_width)
    body = [frame.vertical_lines()]
    for place, (each, (low, high)) in enumerate(rows):
        y = row_height * (place + 0.6)
        ((value, _),) = each.values
        body += [
            _text(names_width - 10, y + 3.5, each.name, "label end"),
            _tag("line", f"interval s{each.style}", x1=frame.x(low), x2=frame.x(high), y1=y, y2=y),
            _tag("circle", f"dot s{each.style}", cx=frame.x(value), cy=y, r=4.2),
        ]
    return _svg(title, body, height=height)


class _Frame:
    """Data units to the drawing's."""

    def __init__(self, horizontal: Axis, vertical: Axis, *, height: float = HEIGHT, left: float = _LEFT) -> None:
        self._horizontal, self._vertical, self._height, self._left = horizontal, vertical, height, left

    def x(self, value: float) -> float:
        axis = self._horizontal
        return self._left + (value - axis.low) / (axis.high - axis.low) * (WIDTH - self._left - _RIGHT)

    def y(self, value: float) -> float:
        axis = self._vertical
        return self._height - _BOTTOM - (value - axis.low) / (axis.high - axis.low) * (self._height - _TOP - _BOTTOM)

    def points(self, values: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in values)

    def axes(self) -> Markup:
        """Horizontal grid lines, labels of both axes, and their titles."""
        right, bottom = WIDTH - _RIGHT, self._height - _BOTTOM
        parts = [
            part
            for value, label in self._vertical.ticks
            for part in (
                _tag("line", "grid", x1=self._left, x2=right, y1=self.y(value), y2=self.y(value)),
                _text(self._left - 6, self.y(value) + 3.5, label, "label end"),
            )
        ]
        parts += [_text(self.x(value), bottom + 15, label, "label middle") for value, label in self._horizontal.ticks]
        parts.append(_text((self._left + right) / 2, self._height - 8, self._horizontal.title, "title middle"))
        parts.append(_text(4, 9, self._vertical.title, "title start"))
        return _EMPTY.join(parts)

    def vertical_lines(self) -> Markup:
        """Vertical grid lines and labels of the horizontal axis alone."""
        bottom = self._height - _BOTTOM
        parts = [
            part
            for value, label in self._horizontal.ticks
            for part in (
                _tag("line", "grid", x1=self.x(value), x2=self.x(value), y1=4, y2=bottom),
                _text(self.x(value), bottom + 15, label, "label middle"),
            )
        ]
        parts.append(_text((self._left + WIDTH - _RIGHT) / 2, self._height - 8, self._horizontal.title, "title middle"))
        return _EMPTY.join(parts)


def _dot(frame: _Frame, series: Series, x: float, y: float, radius: float) -> Markup:
    return _tag("circle", f"dot s{series.style}", cx=frame.x(x), cy=frame.y(y), r=radius)


def _tag(name: str, css: str, **attributes: float | str) -> Markup:
    given = _EMPTY.join(
        Markup(' {}="{}"').format(key, f"{value:.1f}" if isinstance(value, float) else value)
        for key, value in attributes.items()
    )
    return Markup('<{} class="{}"{}/>').format(name, css, given)


def _text(x: float, y: float, text: str, css: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(css, x, y, text)


def _svg(title: str, body: Iterable[Markup], *, height: float = HEIGHT) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, _EMPTY.join(body)
    )


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least so long."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))
