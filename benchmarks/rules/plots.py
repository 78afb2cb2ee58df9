"""The curves of the page about rules of lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.rules.diversity import DIVERSITIES, DiversityFigures
from benchmarks.rules.exploration import ROUNDS, ExplorationFigures
from benchmarks.rules.page import Figures
from benchmarks.rules.repetition import RepetitionRow


def plot_rules(figures: Mapping[str, Figures], file: Path) -> None:
    """One row of panels for each data set: nDCG against distance, items seen, and good new items found."""
    plot, panels = plt.subplots(len(figures), 3, figsize=(13, 4 * len(figures)), layout="constrained", squeeze=False)
    for (data, own), row in zip(figures.items(), panels, strict=True):
        drawn = ((own.diversity, _diversity), (own.repetition, _repetition), (own.exploration, _exploration))
        for panel, (part, draw) in zip(row, drawn, strict=True):
            if part is None:
                panel.set_axis_off()
            else:
                draw(panel, data, part)
                panel.grid(alpha=0.3)
    plot.savefig(file, metadata={"Date": None})
    plt.close(plot)


def _diversity(panel: Axes, data: str, figures: DiversityFigures) -> None:
    for size, curve in figures.lists.items():
        distances = [each.value for each in curve.values["distance by both"]]
        quality = curve.values["nDCG@10"]
        errors = list(zip(*((each.value - each.ends[0], each.ends[1] - each.value) for each in quality), strict=True))
        values = [each.value for each in quality]
        panel.errorbar(distances, values, yerr=errors, marker=".", elinewidth=0.5, label=f"{size} ratings")
        for place in (0, 5, 9):
            panel.annotate(f"{DIVERSITIES[place]:g}", (distances[place], values[place]))
    panel.set(title=f"{data}: diversity", xlabel="distance of two items of a list", ylabel="nDCG@10")
    panel.legend(fontsize="small")


def _repetition(panel: Axes, data: str, rows: Sequence[RepetitionRow]) -> None:
    panel.plot([row.distinct.value for row in rows], [row.relevant.value for row in rows], marker=".")
    for row in rows:
        panel.annotate(f"{row.half_life:g}", (row.distinct.value, row.relevant.value))
    panel.set(
        title=f"{data}: repetition, by half-life in days",
        xlabel="distinct items in ten lists",
        ylabel="relevant items among them",
    )


def _exploration(panel: Axes, data: str, figures: ExplorationFigures) -> None:
    for strength in figures.rows:
        shares = [100 * each.value for each in strength.found]
        panel.plot(range(1, ROUNDS + 1), shares, marker=".", label=f"explore {strength.strength:g}")
    panel.set(title=f"{data}: exploration", xlabel="round", ylabel="good new items found, %")
    panel.set_xticks(range(1, ROUNDS + 1))
    panel.legend(fontsize="small")
