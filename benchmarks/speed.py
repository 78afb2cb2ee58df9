"""Runs the speed benchmarks, and writes docs/results/speed.jsonl, one line per benchmark, and the page.

    python -m benchmarks.speed --data DIR [--work DIR] [NAME …]

Without names it runs all of them. benchmarks/harness.py says what a benchmark module has to offer.
"""

import argparse
import json
import subprocess
import sys

from benchmarks.harness import Figures, add_options, options_of
from benchmarks.speed_page import BENCHMARKS, LINES, stored_lines, write_page


def main() -> None:
    """Run the named benchmarks, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}")
    options = options_of(arguments)
    for name in arguments.names or BENCHMARKS:
        print(f"measuring {name}", file=sys.stderr)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--data", str(options.data), "--work", str(options.work)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own modules
        keep(json.loads(done.stdout.splitlines()[-1]))
        # After each benchmark, so that an interrupted run keeps its results.
        write_page()


def keep(line: Figures) -> None:
    """Replace the stored line of a benchmark."""
    lines = {**stored_lines(), line["benchmark"]: line}
    ordered = [json.dumps(lines[name]) + "\n" for name in BENCHMARKS if name in lines]
    LINES.parent.mkdir(parents=True, exist_ok=True)
    LINES.write_text("".join(ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
