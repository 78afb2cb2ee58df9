"""The plot of the page about the week."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.shop_week.figures import Figures
from benchmarks.shop_week.shop import BASKET, HOME, NEWSLETTER
from benchmarks.shop_week.verdicts import Repeated

_TEST = {"control": "control group", "scenario": "more diverse"}
_SAME = {"control": "control group", "scenario": "the same lists"}
_OFFSET = 0.06


def plot_week(figures: Figures, file: Path) -> None:
    """Click rates by day and scenario, and what the report shows if the visitors are assigned in other ways."""
    plot, panels = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    above, below = panels
    _rates(above[0], figures, HOME, _TEST)
    _rates(above[1], figures, BASKET, _SAME)
    _rates(above[2], figures, NEWSLETTER, {"scenario": "all visitors"})
    for panel in above[1:]:
        panel.sharey(above[0])
    above[0].set_ylabel("click rate, with its 95 % interval")
    _differences(below[0], figures.test, f"{HOME}: A/B test, other assignments")
    _differences(below[1], figures.same, f"{HOME}: A/A test, other assignments")
    _shares(below[2], figures)
    plot.savefig(file, metadata={"Date": None})
    plt.close(plot)


def _rates(panel: Axes, figures: Figures, scenario: str, names: dict[str, str]) -> None:
    for place, (variant, name) in enumerate(names.items()):
        points = [(day.day, rate) for day in figures.days for rate in day.rates if rate.is_of(scenario, variant)]
        if not points:
            continue
        days = [day + 1 + _OFFSET * place for day, _ in points]
        values = [rate.value for _, rate in points]
        errors = [[rate.value - rate.low for _, rate in points], [rate.high - rate.value for _, rate in points]]
        panel.errorbar(days, values, yerr=errors, marker="o", capsize=2, label=name)
    panel.set(title=scenario, xlabel="day", xticks=range(1, len(figures.days) + 1), ylim=(0, None))
    panel.legend(fontsize="small")
    panel.grid(alpha=0.3)


def _differences(panel: Axes, repeated: Repeated, title: str) -> None:
    panel.hist(repeated.differences, bins=40, color="C0", alpha=0.6)
    panel.axvline(repeated.truth, color="C3", label="truth")
    panel.axvline(0, color="black", linewidth=0.8, linestyle=":")
    panel.set(title=title, xlabel="difference of the click rates", ylabel="assignments")
    panel.legend(fontsize="small")


def _shares(panel: Axes, figures: Figures) -> None:
    names = {"A/B": figures.test, "A/A": figures.same}
    left = [0.0] * len(names)
    for conclusion in figures.test.shares:
        widths = [100 * own.shares[conclusion] for own in names.values()]
        panel.barh(list(names), widths, left=left, label=conclusion)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    panel.set(title="what the report concludes", xlabel="% of the assignments")
    panel.legend(fontsize="small")
