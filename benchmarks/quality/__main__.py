"""Measure all contestants that have no results yet, and write the page.

    python -m benchmarks.quality --data DIR [--other DIR] [--work DIR]

Results are kept in the work directory, so an interrupted run can be continued. Contestants are measured in parallel, in
one thread each. Only the first data set has ablations.
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console

from benchmarks.quality.ablations import ABLATIONS
from benchmarks.quality.contestants import BASELINES, LEARNERS, PRESETS, Contestants
from benchmarks.quality.figures import dataset_figures
from benchmarks.quality.measuring import measured
from benchmarks.quality.page import MARKERS, page, readme_table
from benchmarks.quality.plots import plot_calibration, plot_curves
from benchmarks.readme import README, replace_between_markers
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.training.threads import compute_in_one_thread

RESULTS = README.parent / "docs" / "results"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the data set of the README's table")
    parser.add_argument("--other", type=Path, help="a further data set")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    paths = [path for path in (arguments.data, arguments.other) if path is not None]
    contestants = [contestants_of(path, arguments.work) for path in paths]
    # Presets first, because contestants that are not adapted use their models.
    for names in (PRESETS, (*BASELINES, *(name for name in LEARNERS if name not in PRESETS))):
        for of_data_set in contestants:
            measure(of_data_set, names, curves=True)
    first = contestants[0]
    measure(first, ABLATIONS, curves=False)
    figures = {
        of_data_set.dataset.schema.name: dataset_figures(
            {name: measured(of_data_set, name, curves=True) for name in (*LEARNERS, *BASELINES)},
            {name: measured(of_data_set, name, curves=False) for name in (ABLATIONS if of_data_set is first else ())},
        )
        for of_data_set in contestants
    }
    for name, one in figures.items():
        plot_curves(one, RESULTS / f"quality-curves-{name}.svg")
        plot_calibration(one, RESULTS / f"quality-calibration-{name}.svg")
    (RESULTS / "quality.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "quality.md").write_text(page(figures), encoding="utf-8")
    replace_between_markers(README, MARKERS, readme_table(figures[first.dataset.schema.name]["states"]))


def contestants_of(data: Path, work: Path) -> Contestants:
    """The contestants of a data set; their results are in a directory of the data set."""
    dataset, _ = read_dataset(data)
    return Contestants(dataset, data, Split.of(dataset, SplitConfig()), work / dataset.schema.name)


def measure(contestants: Contestants, names: Collection[str], *, curves: bool) -> None:
    """Measure several contestants in parallel, and store their results in the work directory."""
    # Processes are spawned, because Polars' threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=compute_in_one_thread) as pool:
        waiting = {name: pool.submit(measured, contestants, name, curves=curves) for name in names}
        for name, future in waiting.items():
            future.result()
            Console().print(f"{contestants.dataset.schema.name}: {name} measured")


if __name__ == "__main__":
    main()
