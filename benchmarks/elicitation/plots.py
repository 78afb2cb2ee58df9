"""The plot of the page: error and list against the number of questions."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.elicitation.figures import DataFigures
from benchmarks.elicitation.measuring import CAPTIONS, POINTS, SCREENS, UNKNOWN_NDCG, cell_name
from benchmarks.elicitation.strategies import KINDS, REFERENCE
from models.elicitation.strategy import Strategy
from models.metrics import MAE

SHOWN = (REFERENCE, Strategy.SEQUENTIAL, Strategy.EXPECTED_GAIN, Strategy.OUTCOME, Strategy.RANDOM, *KINDS)
"""The plotted strategies. The others lie between random and popularity, or on top of one of these."""


def plot(figures: Mapping[str, DataFigures], file: Path) -> None:
    """One row of panels a data set, one column a measure; screens of ten."""
    measures = (MAE.name, UNKNOWN_NDCG)
    size = 6 * len(measures), 4 * len(figures) + 0.8
    figure, panels = plt.subplots(len(figures), len(measures), figsize=size, layout="constrained", squeeze=False)
    for row, (data, found) in zip(panels, figures.items(), strict=True):
        for panel, measure in zip(row, measures, strict=True):
            for name in (name for name in SHOWN if name in found.strategies):
                cells = found.strategies[name]
                values = [cells[cell_name(SCREENS, questions)][measure].value.value for questions in POINTS[SCREENS]]
                width = 2.5 if name == REFERENCE else 1
                panel.plot(POINTS[SCREENS], values, label=str(name), linewidth=width, marker=".")
            panel.set_title(f"{data}, {CAPTIONS[measure]}")
            panel.set_xticks(POINTS[SCREENS])
            panel.set_xlabel("questions asked, in screens of ten")
            panel.grid(alpha=0.3)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
