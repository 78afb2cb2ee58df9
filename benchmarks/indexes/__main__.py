"""Measures the shortlist against FAISS and USearch on the same made-up vectors; writes docs/results/indexes.{md,json}.

    python -m benchmarks.indexes [--items 1e5,1e6] [--build-seconds 600]

An index whose build takes longer than it may, in CPU seconds of one thread, is left out, and the page says so. All
times are CPU times of one thread, so that what else a machine does changes them little.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.harness import environment, table
from benchmarks.indexes.indexes import Budget, Finder, TooSlowError, Vectors, finders
from benchmarks.indexes.made_up import DIMENSIONS, Catalogue, untrained_model
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[2] / "docs" / "results"
USERS = 50
BEST = (10, 100)
CHANGES = 20

Figures = dict[str, Any]


def main() -> None:
    """Measure each size, and write after each way. Sizes that are not measured keep the figures of former runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", default="1e5,1e6", help="how many items, separated by commas")
    parser.add_argument("--build-seconds", type=float, default=600.0, help="most CPU seconds of a build")
    arguments = parser.parse_args()
    compute_in_one_thread()
    stored = RESULTS / "indexes.json"
    former: Figures = json.loads(stored.read_text(encoding="utf-8"))["sizes"] if stored.exists() else {}
    figures: Figures = {"build_seconds": arguments.build_seconds, "sizes": former}
    for items in (int(float(count)) for count in arguments.items.split(",")):
        ways: Figures = {}
        figures["sizes"][str(items)] = {"environment": environment(), "ways": ways}
        for name, found in measured(items, arguments.build_seconds):
            ways[name] = found
            write(figures, RESULTS)
            print(f"{items:,} {name}", file=sys.stderr, flush=True)


def measured(items: int, build_seconds: float) -> Any:  # noqa: ANN401 - pairs of a name and its figures
    """The figures of each way, by its name, at one size."""
    catalogue = Catalogue.of(items)
    model, holder = untrained_model()
    with torch.inference_mode():
        users, vectors = catalogue.users(model, USERS), Vectors(catalogue)
        queries = Vectors.of_users(users)
        best: list[torch.Tensor] = []

        def exact() -> None:
            user = users[len(best) % USERS]
            best.append((catalogue.items.bias + catalogue.items.vector @ user).topk(BEST[-1]).indices)

        milliseconds = _milliseconds(exact, USERS)
        yield "exact", {"milliseconds": milliseconds}
        for name, finder in finders(catalogue, model, holder).items():
            yield name, figures_of(finder, vectors, queries, [own.numpy() for own in best], build_seconds)


def figures_of(
    finder: Finder, vectors: Vectors, queries: np.ndarray[Any, Any], best: list[Any], build_seconds: float
) -> Figures:
    """Build, search with each effort, and change some items."""
    started = time.process_time()
    try:
        finder.build(vectors, Budget(build_seconds))
    except TooSlowError:
        return {"too_slow": True}
    built = time.process_time() - started
    efforts = {}
    for effort in finder.efforts:
        lists: list[Any] = []
        milliseconds = _milliseconds(
            lambda lists=lists, effort=effort: lists.append(
                finder.search(queries[len(lists) % USERS : len(lists) % USERS + 1], BEST[-1], effort)
            ),
            USERS,
        )
        pairs = list(zip(best, lists, strict=True))
        efforts[str(effort)] = {
            "milliseconds": milliseconds,
            **{f"recall@{n}": float(np.mean([np.isin(own[:n], ours[:n]).mean() for own, ours in pairs])) for n in BEST},
        }
    memory = finder.memory()
    changed = iter(range(CHANGES))
    can_change = finder.change(CHANGES, vectors.items[CHANGES])
    changing = (
        _milliseconds(lambda: finder.change(row := next(changed), vectors.items[row]), CHANGES) if can_change else None
    )
    return {"build_seconds": built, "efforts": efforts, "memory_bytes": memory, "change_milliseconds": changing}


def _milliseconds(work: Callable[[], object], times: int) -> float:
    """Median CPU time of one call."""
    seconds = []
    for _ in range(times):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return 1e3 * float(np.median(seconds))


def write(figures: Figures, results: Path) -> None:
    """Write the JSON file, and the page from it."""
    (results / "indexes.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (results / "indexes.md").write_text(page(figures), encoding="utf-8")


def page(figures: Figures) -> str:
    """The page in Markdown."""
    parts = [
        "# The shortlist and vector indexes",
        "Regenerated by `python -m benchmarks.indexes --items 1e5,1e6`. Times are comparable within a table only. "
        f"Made-up items of {DIMENSIONS} dimensions and a bias (benchmarks/indexes/made_up.py), {USERS} users with ten "
        "ratings. Times are CPU times of one thread. Recall is the share of the 10 or 100 items with the highest exact "
        "scores that are found. Memory comes on top of the vectors, which the service has anyway. The effort is the "
        "number of lists searched, or of candidates kept. "
        "[Decision 0007](../decisions/0007-ranking-large-catalogues.md) "
        "says what the service does, and why.",
    ]
    header = ["", "effort", "ms", *(f"recall@{n}" for n in BEST), "s to build", "MiB", "ms to change an item"]
    for items, size in figures["sizes"].items():
        rows, where = [], size["environment"]
        for name, own in size["ways"].items():
            if "too_slow" in own:
                rows.append([name, "", "", "", "", f"> {figures['build_seconds']:,.0f}", "", ""])
            elif "efforts" not in own:
                rows.append([name, "", f"{own['milliseconds']:.2f}", *["1.000"] * len(BEST), "", "", ""])
            else:
                rows += _rows(name, own)
        measured_on = f"{where['measured_at']}: {where['cpu']}, one thread, torch {where['torch']}."
        parts += [f"## {int(items):,} items", measured_on, table(header, rows)]
    return "\n\n".join(parts) + "\n"


def _rows(name: str, own: Figures) -> list[list[str]]:
    changing = own["change_milliseconds"]
    last = [
        f"{own['build_seconds']:,.1f}",
        f"{own['memory_bytes'] / 2**20:,.0f}",
        "cannot" if changing is None else f"{changing:.2f}",
    ]
    return [
        [
            name,
            "" if effort == "0" else effort,
            f"{found['milliseconds']:.2f}",
            *(f"{found[f'recall@{n}']:.3f}" for n in BEST),
            *last,
        ]
        for effort, found in own["efforts"].items()
    ]


if __name__ == "__main__":
    main()
