"""Measure what asking is worth, by strategy, and write docs/results/elicitation.md, elicitation.json and a plot.

    python -m benchmarks.elicitation --data DIR [DIR …] [--seeds 5] [--users 300] [--processes 1] [--work DIR] [--times]

The model is the preset `coldstart`, trained into the work directory unless it is there already. What is measured is
kept there, one file for each strategy and seed under the model's version, so an interrupted run goes on. The page keeps
the former figures of data sets that are not measured. `--times` measures how long a strategy takes to choose, too,
which needs a quiet machine. `--only` measures some strategies without writing the page, and `--validation` does so on
users held out of `warm`, for choosing settings.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.elicitation.figures import DataFigures, Record, figures_of, pooled
from benchmarks.elicitation.jobs import Job, run_all, setting_of
from benchmarks.elicitation.measuring import SCREENS
from benchmarks.elicitation.page import page
from benchmarks.elicitation.people import draw, user_rows
from benchmarks.elicitation.plots import plot
from benchmarks.elicitation.strategies import NAMES, REFERENCE
from benchmarks.elicitation.timing import LARGE, large_catalogue, screen_milliseconds
from models.data.dataset import State

RESULTS = Path(__file__).parents[2] / "docs" / "results"
STORED = RESULTS / "elicitation.json"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the users' halves")
    parser.add_argument("--users", type=int, default=300, help="the most people of a draw")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-elicitation"))
    parser.add_argument("--times", action="store_true", help="measure how long a strategy takes to choose, too")
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES, metavar="STRATEGY")
    parser.add_argument("--validation", action="store_true", help="ask users held out of warm")
    arguments = parser.parse_args()
    state = State.WARM if arguments.validation else State.USER_COLD
    record = Record.stored(STORED)
    for data in arguments.data:
        work = arguments.work / data.name
        setting = setting_of(data, work)
        jobs = [
            Job(data, work, name, seed, arguments.users, state)
            for name in dict.fromkeys((REFERENCE, *arguments.only))
            for seed in range(arguments.seeds)
        ]
        run_all(jobs, setting.dataset.schema.name, arguments.processes)
        rows = user_rows(setting.dataset, setting.split, state, most=arguments.users)
        people = draw(setting.dataset, rows, setting.split, state, seed=0)
        found = figures_of(
            {
                name: pooled([job.run() for job in jobs if job.name == name])
                for name in dict.fromkeys(job.name for job in jobs)
            },
            seeds=arguments.seeds,
            query=float(np.mean([len(person.query) for person in people])),
            form=SCREENS,
        )
        if arguments.validation or arguments.only is not NAMES:
            show(found)
            continue
        record.data[setting.dataset.schema.name] = found
        if arguments.times:
            record.milliseconds[setting.dataset.schema.name] = screen_milliseconds(setting.recommender)
            record.milliseconds[f"{LARGE:,} items"] = screen_milliseconds(large_catalogue(setting.model))
        write(record)


def show(found: DataFigures) -> None:
    """Print the figures of some strategies."""
    for name, cells in found.strategies.items():
        for cell, measures in cells.items():
            values = ", ".join(
                f"{measure} {figure.value.value:.4f} "
                f"({figure.difference.value:+.4f}: {figure.difference.low:+.4f} to {figure.difference.high:+.4f})"
                for measure, figure in measures.items()
            )
            print(f"{name}, {cell}: {values}")


def write(record: Record) -> None:
    """Write the page, its figures and the plot."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    STORED.write_text(record.model_dump_json() + "\n", encoding="utf-8")
    plot(record.data, RESULTS / "elicitation.svg")
    (RESULTS / "elicitation.md").write_text(page(record), encoding="utf-8")


if __name__ == "__main__":
    main()
