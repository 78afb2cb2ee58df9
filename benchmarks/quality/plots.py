"""The plots of the quality page."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks.quality.contestants import PRESETS
from benchmarks.quality.figures import DatasetFigures
from benchmarks.quality.measuring import SUPPORT_SIZES


def plot_curves(figures: DatasetFigures, file: Path) -> None:
    """MAE against the number of support ratings, one panel per state."""
    by_state = figures["curves"]
    figure, panels = plt.subplots(1, len(by_state), figsize=(16, 4.5), sharex=True, layout="constrained")
    for panel, (state, curves) in zip(panels, by_state.items(), strict=True):
        for name, maes in curves["mae"].items():
            bold = name in PRESETS
            panel.plot(
                maes, label=name, linewidth=2.5 if bold else 1, alpha=1 if bold else 0.6, marker="." if bold else None
            )
        panel.set_title(state)
        panel.set_xticks(range(len(SUPPORT_SIZES)), [str(size) for size in SUPPORT_SIZES])
        panel.set_xlabel("support ratings")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("MAE, best decoding")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    _save(figure, file)


def plot_calibration(figures: DatasetFigures, file: Path) -> None:
    """Observed shares against predicted probabilities, one panel per state. Perfect predictions are on the diagonal."""
    by_state = figures["calibration"]
    figure, panels = plt.subplots(1, len(by_state), figsize=(16, 4.5), sharex=True, sharey=True, layout="constrained")
    for panel, (state, events) in zip(panels, by_state.items(), strict=True):
        panel.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
        for event, bins in events.items():
            panel.plot([point[0] for point in bins], [point[1] for point in bins], marker=".", label=event)
        panel.set_title(state)
        panel.set_xlabel("predicted probability")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("observed share")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
