"""Measures what each rating costs in data sets of growing size; writes docs/results/scale.{md,json}.

    python -m benchmarks.scale --data DIR [--ratings 1e6,1e7] [--work DIR]

The ratings are made up to be like those of the data set in DIR (benchmarks/scale/generator.py).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import environment, table
from benchmarks.scale.stages import EVALUATED, PRESET, STAGES, UPDATES, USERS_AN_UPDATE, run

RESULTS = Path(__file__).parents[2] / "docs" / "results"

Figures = dict[str, Any]


def main() -> None:
    """Measure each size, or run one stage of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of a data set of ratings")
    parser.add_argument("--ratings", default="1e6,1e7", help="how many ratings, separated by commas")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/scale"), help="where the data sets are made")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    counts = [int(float(count)) for count in arguments.ratings.split(",")]
    if arguments.stage is not None:
        print(json.dumps(run(arguments.stage, arguments.data, arguments.work, counts[0])))
        return
    figures: Figures = {"data": arguments.data.name, "environment": environment(), "sizes": {}}
    for count in counts:
        figures["sizes"][str(count)] = own = {}
        for stage in STAGES:
            print(f"{count:,} ratings: {stage}", file=sys.stderr)
            command = [sys.executable, "-m", "benchmarks.scale", "--data", str(arguments.data), "--ratings", str(count)]
            done = subprocess.run(  # noqa: S603 - our own module
                [*command, "--work", str(arguments.work), "--stage", stage],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            own[stage] = json.loads(done.stdout.splitlines()[-1])
            write(figures, RESULTS)


def write(figures: Figures, results: Path) -> None:
    """Write the JSON file, and the page from it."""
    (results / "scale.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (results / "scale.md").write_text(page(figures), encoding="utf-8")


def page(figures: Figures) -> str:
    """The page in Markdown."""
    where = figures["environment"]
    parts = [
        "# What a rating costs",
        f"`python -m benchmarks.scale` on {figures['data']}, {where['measured_at']}: {where['cpu']}, one thread, torch "
        f"{where['torch']}. Ratings are made up to be like those of the data set (benchmarks/scale/generator.py). "
        "`coldstart data convert` streams them into mapped arrays, and everything after reads these. Training is "
        f"{UPDATES} updates of {USERS_AN_UPDATE} users with the preset `{PRESET}`, and evaluation at most "
        f"{EVALUATED:,} new users: of both, the ratings of the episodes are counted. Each stage is a process of its "
        "own. Its peak "
        "memory includes the parts of mapped files that were read, which the system may drop at any time.",
    ]
    header = ["", "ratings", "CPU s", "µs a rating", "peak MiB"]
    for count, stages in figures["sizes"].items():
        rows = [
            [
                stage,
                f"{own['ratings']:,}",
                f"{own['cpu_seconds']:,.1f}",
                f"{1e6 * own['cpu_seconds'] / own['ratings']:,.2f}",
                f"{own['peak_bytes'] / 2**20:,.0f}",
            ]
            for stage, own in stages.items()
        ]
        parts += [f"## {int(count):,} ratings", table(header, rows)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
