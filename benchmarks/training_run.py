"""Trainings of the presets: users per second, the time to the best validation score, and memory.

    python -m benchmarks.training_run --data DIR [--work DIR]

Times are those of whole epochs as the trainer records them, with drawing the episodes, field dropout and the optimizer,
without validation. Models that are missing in the work directory are trained to the end. The time to the best epoch is
the one that their training recorded.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import Figures, Options, peak_memory_mib, run, table, use_one_core
from models.train import train
from models.training.epoch_result import best_epoch
from models.training.preset import load_preset

PRESETS = ("coldstart", "melu")
EPOCHS = 4


def measure(options: Options) -> Figures:
    """Train each preset for some epochs; the first one is warm-up."""
    use_one_core()
    return {preset: trained(options, preset) for preset in PRESETS}


def trained(options: Options, preset: str) -> Figures:
    """The figures of one preset."""
    with tempfile.TemporaryDirectory() as directory:
        short = load_preset(preset).with_training(epochs=EPOCHS)
        model = train(options.dataset(), short, Path(directory) / preset, data_path=options.data, research_only=True)
    rates = [epoch.users / epoch.seconds for epoch in model.manifest.history[1:]]
    history = options.trained_model(preset).manifest.history
    best = best_epoch(history, short.training.stopping_direction)
    return {
        "users_per_second": float(np.median(rates)),
        "best_epoch": best.epoch,
        "seconds_to_best": sum(epoch.seconds for epoch in history[: best.epoch]),
        "validation_mae": best.validation.mae,
        "peak_memory_mib": peak_memory_mib(),
    }


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plot
    """The section of the page."""
    rows = [
        [
            preset,
            f"{of_preset['users_per_second']:,.0f}",
            f"{of_preset['seconds_to_best']:,.0f} s ({of_preset['best_epoch']} epochs)",
            f"{of_preset['validation_mae']:.3f}",
            f"{of_preset['peak_memory_mib']:,.0f} MiB",
        ]
        for preset, of_preset in figures.items()
    ]
    header = ["preset", "users/s", "best after", "validation MAE", "peak memory of the process so far"]
    return table(header, rows)


if __name__ == "__main__":
    run(measure)
