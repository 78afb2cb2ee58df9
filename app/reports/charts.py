"""Small plots as inline SVG. The style sheet gives colours and lines by class, so that dark and light themes work."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 310.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 10.0, 26.0, 38.0
_EMPTY = Markup("")


@dataclass(frozen=True)
class Series:
    """One line of a plot.

    Attributes:
        name: The name of the line.
        style: The number of its style in the style sheet. A predictor has the same style in all plots.
        values: The points, as (x, y).
        band: The lower and upper end of an interval around each point; empty if none is shown.
        sizes: In a reliability diagram, the number of predictions behind each point.
    """

    name: str
    style: int
    values: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = ()
    sizes: Sequence[int] = ()


@dataclass(frozen=True)
class Axis:
    """One axis: its range in data units, the places and texts of its labels, and its title."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str


def linear_axis(values: Iterable[float], title: str, *, low: float | None = None, high: float | None = None) -> Axis:
    """An axis that covers the values, or `low` to `high`, with round numbers at its ticks."""
    numbers = list(values)
    bottom, top = (min(numbers) if low is None else low), (max(numbers) if high is None else high)
    step = _round_step((top - bottom or 1.0) / 4)
    first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
    last = max(last, first + 1)
    places = [place * step for place in range(first, last + 1)]
    decimals = next(count for count in range(12) if abs(round(step, count) - step) < 1e-9 * step)
    return Axis(places[0], places[-1], [(place, f"{place:.{decimals}f}") for place in places], title)


def places_axis(labels: Sequence[str], title: str) -> Axis:
    """An axis with equally spaced labels: the first at 0, the second at 1 and so on."""
    return Axis(
        low=-0.2, high=len(labels) - 0.8, ticks=[(place, label) for place, label in enumerate(labels)], title=title
    )


def line_chart(title: str, series: Sequence[Series], horizontal: Axis, vertical: Axis) -> Markup:
    """Lines, each with its band if it has one. The first line is on top."""
    frame = _Frame(horizontal, vertical)
    body = [frame.axes()]
    for line in reversed(series):
        if line.band:
            upper = [(x, high) for (x, _), (_, high) in zip(line.values, line.band, strict=True)]
            lower = [(x, low) for (x, _), (low, _) in zip(line.values, line.band, strict=True)]
            body.append(_tag("polygon", f"band s{line.style}", points=frame.points([*upper, *reversed(lower)])))
        body.append(_tag("polyline", f"line s{line.style}", points=frame.points(line.values)))
        body.extend(_dot(frame, line, x, y, 2.6) for x, y in line.values)
    body.extend(_hit(frame, line, place, horizontal) for line in series for place in range(len(line.values)))
    return _svg(title, body)


def histogram(
    title: str,
    counts: Sequence[int],
    bin_width: float,
    horizontal: Axis,
    vertical: Axis,
    marks: Sequence[tuple[float, str]],
) -> Markup:
    """Bars that begin at 0, and vertical lines at `marks`, given as (value, name)."""
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
    """Predicted against observed values. On the diagonal both are equal."""
    frame = _Frame(horizontal, vertical)
    low, high = max(horizontal.low, vertical.low), min(horizontal.high, vertical.high)
    diagonal = _tag("line", "diagonal", x1=frame.x(low), y1=frame.y(low), x2=frame.x(high), y2=frame.y(high))
    body = [frame.axes(), diagonal]
    for line in series:
        body.append(_tag("polyline", f"line s{line.style}", points=frame.points(line.values)))
        largest = max(line.sizes)
        body.extend(
            _dot(frame, line, x, y, 2.0 + 3.5 * math.sqrt(size / largest))
            for (x, y), size in zip(line.values, line.sizes, strict=True)
        )
    body.extend(_hit(frame, line, place, horizontal) for line in series for place in range(len(line.values)))
    return _svg(title, body)


def interval_chart(
    title: str,
    rows: Sequence[tuple[Series, tuple[float, float]]],
    horizontal: Axis,
    *,
    width: float = WIDTH,
    letter_width: float = 5.8,
) -> Markup:
    """One row per series: its first value as a dot on its interval.

    Args:
        title: For those who cannot see the plot.
        rows: The series, each with its interval.
        horizontal: The axis of the values.
        width: Of the drawing.
        letter_width: Of the names' font, which the names' column is made for; it takes at most the larger part.
    """
    row_height, names_width = 24.0, min(0.58 * width, 14 + letter_width * max(len(row.name) for row, _ in rows))
    height = row_height * len(rows) + _BOTTOM + 6
    frame = _Frame(horizontal, Axis(0, 1, (), ""), width=width, height=height, left=names_width)
    body = [frame.vertical_lines()]
    for place, (row, (low, high)) in enumerate(rows):
        y = row_height * (place + 0.6)
        ((value, _),) = row.values
        body += [
            _text(names_width - 10, y + 3.5, row.name, "label end"),
            _tag("line", f"interval s{row.style}", x1=frame.x(low), x2=frame.x(high), y1=y, y2=y),
            _tag("circle", f"dot s{row.style}", cx=frame.x(value), cy=y, r=4.2),
            _described(f"hit s{row.style}", frame.x(value), y, f"{row.name}: {value:.3f} ({low:.3f} to {high:.3f})"),
        ]
    return _svg(title, body, width=width, height=height)


class _Frame:
    """Converts data units to those of the drawing."""

    def __init__(
        self,
        horizontal: Axis,
        vertical: Axis,
        *,
        width: float = WIDTH,
        height: float = HEIGHT,
        left: float = _LEFT,
    ) -> None:
        self._horizontal, self._vertical = horizontal, vertical
        self._width, self._height, self._left = width, height, left

    def x(self, value: float) -> float:
        axis = self._horizontal
        return self._left + (value - axis.low) / (axis.high - axis.low) * (self._width - self._left - _RIGHT)

    def y(self, value: float) -> float:
        axis = self._vertical
        return self._height - _BOTTOM - (value - axis.low) / (axis.high - axis.low) * (self._height - _TOP - _BOTTOM)

    def points(self, values: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in values)

    def axes(self) -> Markup:
        """Horizontal grid lines, labels of both axes, and their titles."""
        right, bottom = self._width - _RIGHT, self._height - _BOTTOM
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
        """Vertical grid lines, and the labels and the title of the horizontal axis."""
        bottom = self._height - _BOTTOM
        parts = [
            part
            for value, label in self._horizontal.ticks
            for part in (
                _tag("line", "grid", x1=self.x(value), x2=self.x(value), y1=4, y2=bottom),
                _text(self.x(value), bottom + 15, label, "label middle"),
            )
        ]
        parts.append(
            _text((self._left + self._width - _RIGHT) / 2, self._height - 8, self._horizontal.title, "title middle")
        )
        return _EMPTY.join(parts)


def _dot(frame: _Frame, series: Series, x: float, y: float, radius: float) -> Markup:
    return _tag("circle", f"dot s{series.style}", cx=frame.x(x), cy=frame.y(y), r=radius)


def _hit(frame: _Frame, series: Series, place: int, horizontal: Axis) -> Markup:
    """What shows a point's values under the pointer."""
    x, y = series.values[place]
    at = next((label for tick, label in horizontal.ticks if abs(tick - x) < 1e-9), f"{x:.3f}")
    text = f"{series.name}: {y:.3f} at {at} {horizontal.title}".removeprefix(": ")
    if series.band:
        low, high = series.band[place]
        text += f" ({low:.3f} to {high:.3f})"
    if series.sizes:
        text += f", {series.sizes[place]:,} predictions"
    return _described(f"hit s{series.style}", frame.x(x), frame.y(y), text)


def _described(css: str, x: float, y: float, text: str) -> Markup:
    """A circle to point at, which browsers describe in a tooltip."""
    circle = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>')
    return circle.format(css, x, y, text)


def _tag(name: str, css: str, **attributes: float | str) -> Markup:
    given = _EMPTY.join(
        Markup(' {}="{}"').format(key, f"{value:.1f}" if isinstance(value, float) else value)
        for key, value in attributes.items()
    )
    return Markup('<{} class="{}"{}/>').format(name, css, given)


def _text(x: float, y: float, text: str, css: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(css, x, y, text)


def _svg(title: str, body: Iterable[Markup], *, width: float = WIDTH, height: float = HEIGHT) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, _EMPTY.join(body)
    )


def _round_step(least: float) -> float:
    """The smallest number of at least `least` that is 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))
