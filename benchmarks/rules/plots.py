"""The curves of the page about rules of lists."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.rules.diversity import DIVERSITIES
from benchmarks.rules.exploration import ROUNDS
from benchmarks.rules.page import Figures


def plot_rules(figures: Mapping[str, Figures], file: Path) -> None:
    """One row of panels for each data set: nDCG against distance, items seen, and good new items found."""
    plot, panels = plt.subplots(len(figures), 3, figsize=(13, 4 * len(figures)), layout="constrained", squeeze=False)
    for (data, own), (diversity, repetition, exploration) in zip(figures.items(), panels, strict=True):
        for size, curve in own.diversity.lists.items():
            distances = [each.value for each in curve.values["distance by both"]]
            quality = curve.values["nDCG@10"]
            errors = list(
                zip(*((each.value - each.ends[0], each.ends[1] - each.value) for each in quality), strict=True)
            )
            values = [each.value for each in quality]
            diversity.errorbar(distances, values, yerr=errors, marker=".", elinewidth=0.5, label=f"{size} ratings")
            for place in (0, 5, 9):
                diversity.annotate(f"{DIVERSITIES[place]:g}", (distances[place], values[place]))
        diversity.set(title=f"{data}: diversity", xlabel="distance of two items of a list", ylabel="nDCG@10")
        repetition.plot(
            [row.distinct.value for row in own.repetition], [row.relevant.value for row in own.repetition], marker="."
        )
        for row in own.repetition:
            repetition.annotate(f"{row.half_life:g}", (row.distinct.value, row.relevant.value))
        repetition.set(
            title=f"{data}: repetition, by half-life in days",
            xlabel="distinct items in ten lists",
            ylabel="relevant items among them",
        )
        if own.exploration is not None:
            for strength in own.exploration.rows:
                shares = [100 * each.value for each in strength.found]
                exploration.plot(range(1, ROUNDS + 1), shares, marker=".", label=f"explore {strength.strength:g}")
            exploration.set_xticks(range(1, ROUNDS + 1))
            exploration.legend(fontsize="small")
        exploration.set(title=f"{data}: exploration", xlabel="round", ylabel="good new items found, %")
        diversity.legend(fontsize="small")
        for panel in (diversity, repetition, exploration):
            panel.grid(alpha=0.3)
    plot.savefig(file, metadata={"Date": None})
    plt.close(plot)
