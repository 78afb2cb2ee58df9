"""Measures the product on a GPU within six minutes, and writes JSON after each part.

    python -m benchmarks.gpu --data DIR --out FILE [--device cuda] [--seconds 345]

It needs this repository, what `models` imports, and torch 2.11 or newer; pytest for the tests. Without a GPU it goes
the same way on the CPU, with small sizes: the figures then say nothing, and the run shows that the script is whole.

Parts, in this order: the tests marked `cuda`; equality with the CPU; whether a training step waits or copies; training
by batch size, as training runs it and as a CUDA graph; adapting and scoring; compiled training, which takes longest to
begin. `docs/results/gpu.json` holds the figures that docs/results/speed.md shows.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import equality, scoring, training
from benchmarks.gpu.bench import Bench, limits_of
from benchmarks.harness import environment
from models.data.dataset import Dataset
from models.data.reader import read_dataset

Figures = dict[str, Any]
Part = tuple[str, Callable[[], object]]

PRESETS = ("coldstart", "melu")


def main() -> None:
    """Measure, part after part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of a data set")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=int, default=345, help="the script ends then; finished parts are kept")
    arguments = parser.parse_args()
    signal.alarm(arguments.seconds)  # the process ends then; each finished part is written already
    device = torch.device(arguments.device)
    figures: Figures = {"data": arguments.data.name, "device": device.type, "environment": environment(), "parts": {}}
    started = time.perf_counter()
    for name, part in parts_of(read_dataset(arguments.data)[0], device):
        print(f"{time.perf_counter() - started:5.0f} s  {name}", file=sys.stderr, flush=True)
        try:
            figures["parts"][name] = part()
        except (RuntimeError, torch.OutOfMemoryError) as error:  # the other parts go on
            figures["parts"][name] = {"failed": str(error).partition("\n")[0]}
        figures["seconds"] = time.perf_counter() - started
        write(arguments.out, figures)


def write(file: Path, figures: Figures) -> None:
    """Replace the file, which is whole at any time."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    os.replace(part, file)  # noqa: PTH105 - the same


def parts_of(dataset: Dataset, device: torch.device) -> Iterator[Part]:
    """The parts, in their order."""
    on_gpu = device.type == "cuda"
    batch_sizes = (32, 128, 512, 1024, 4096) if on_gpu else (8, 16)
    user_counts = (1, 8, 64, 512, 4096) if on_gpu else (1, 2)
    item_counts = (3_883, 1_000_000) if on_gpu else (50,)
    benches: dict[str, Bench] = {}
    limits: dict[str, float] = {}

    def equal(name: str) -> Figures:
        benches[name] = Bench.of_preset(dataset, name, device)
        return equality.differences(benches[name])

    yield "tests", run_tests
    yield "limits", lambda: limits.update(limits_of(device)) or limits
    for name in PRESETS:
        yield f"equality, {name}", lambda name=name: equal(name)
        yield f"waits, {name}", lambda name=name: training.waits_and_copies(benches[name], batch_sizes[-1])
    for size in batch_sizes:
        for name in PRESETS:
            key = f"training, {name}, {size}"
            yield f"{key}, eager", lambda name=name, size=size: training.eager(benches[name], size, limits)
            if on_gpu:
                yield f"{key}, graph", lambda name=name, size=size: training.as_graph(benches[name], size, limits)
    for items in item_counts:
        for users in user_counts:
            for kind in ("choice", "learner"):
                yield (
                    f"scoring, {kind}, {items}, {users}",
                    lambda kind=kind, users=users, items=items: scoring.adapted_and_scored(
                        benches["coldstart"], getattr(benches["coldstart"], kind), users, items, limits
                    ),
                )
    for name in PRESETS:
        size = batch_sizes[-1]
        yield (
            f"training, {name}, {size}, compiled",
            lambda name=name, size=size: training.compiled(benches[name], size, limits),
        )


def run_tests() -> Figures:
    """The tests marked `cuda`, in a process of their own."""
    if find_spec("pytest") is None:
        return {"skipped": "pytest is not installed"}
    # Neither conftest.py nor the settings of the whole suite, which need more packages than `models`.
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-c", os.devnull, "--rootdir", ".", "-m", "cuda"]
    done = subprocess.run(  # noqa: S603 - our own tests
        [*command, "-p", "no:cacheprovider", "--import-mode=importlib", "tests/cuda"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    return {"passed": done.returncode == 0, "summary": done.stdout.strip().rpartition("\n")[2]}


if __name__ == "__main__":
    main()
