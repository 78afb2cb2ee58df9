"""Measure what is not yet measured, and write the page.

    python -m benchmarks.quality --data DIR [--other DIR] [--work DIR]

What is done is kept in the work directory, so that an interrupted run goes on. Contestants are measured in parallel,
each in one thread. The ablations are of the first data set only.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console

from benchmarks.quality.ablations import ABLATIONS
from benchmarks.quality.contestants import BASELINES, LEARNERS, PRESETS, Contestants
from benchmarks.quality.figures import DatasetFigures, dataset_figures
from benchmarks.quality.measuring import Results, measured
from benchmarks.quality.page import page, readme_table, replace_between_markers
from benchmarks.quality.plots import plot_calibration, plot_curves
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.threads import compute_in_one_thread

README = Path(__file__).parents[2] / "README.md"
RESULTS = README.parent / "docs" / "results"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the data set of the README's table")
    parser.add_argument("--other", type=Path, help="a further data set")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    figures: dict[str, DatasetFigures] = {}
    for data in filter(None, (arguments.data, arguments.other)):
        ablated = data == arguments.data
        name, own = measure_dataset(data, arguments.work, ablated=ablated)
        figures[name] = own
        plot_curves(own, RESULTS / f"quality-curves-{name}.svg")
        plot_calibration(own, RESULTS / f"quality-calibration-{name}.svg")
        if ablated:
            replace_between_markers(README, readme_table(own["states"]))
    (RESULTS / "quality.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "quality.md").write_text(page(figures), encoding="utf-8")


def measure_dataset(data: Path, work: Path, *, ablated: bool) -> tuple[str, DatasetFigures]:
    """All figures of a data set, and its name."""
    dataset, _ = read_dataset(data)
    name = dataset.schema.name
    contestants = Contestants(dataset, data, Split.of(dataset, SplitConfig()), work / name)
    everybody, without = (*LEARNERS, *BASELINES), tuple(ABLATIONS) if ablated else ()
    results: dict[str, Results] = {}
    with ProcessPoolExecutor(max_workers=os.cpu_count(), initializer=compute_in_one_thread) as pool:
        # Presets first: not adapted, they are the same models.
        for names in (PRESETS, [one for one in (*everybody, *without) if one not in PRESETS]):
            waiting = {one: pool.submit(measured, contestants, one, curves=one in everybody) for one in names}
            for one, future in waiting.items():
                results[one] = future.result()
                Console().print(f"{name}: {one} measured")
    return name, dataset_figures({one: results[one] for one in everybody}, {one: results[one] for one in without})


if __name__ == "__main__":
    main()
