"""What every speed benchmark shares: one core, warm-up, medians, the machine's limit, one JSON line.

A speed benchmark is a module `benchmarks/NAME.py` with

- a docstring that says what is measured, and against what in the same run;
- `measure(options: Options) -> Figures`, which measures and returns what JSON can hold; it raises `SkippedError` with
  the reason where this machine cannot run it;
- `section(figures: Figures, results: Path) -> str`, which makes its plots in `results` and returns its section of the
  page in Markdown, without a heading, from the figures alone;
- `if __name__ == "__main__": run(measure)`,

and its name and heading in `benchmarks.speed_page.BENCHMARKS`. `python -m benchmarks.NAME --data DIR` then prints its
JSON line, and `make bench DATA=DIR` runs all of them, each in a fresh process, and renews docs/results/speed.jsonl and
docs/results/speed.md.

Times are compared only within one run: `medians` takes what is compared in turns, so that other work of
the machine slows all of it alike.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.train import train
from models.training.preset import load_preset
from models.training.threads import compute_in_one_thread

Figures = dict[str, Any]
"""What a benchmark found out, as JSON."""


class SkippedError(Exception):
    """This machine cannot run a benchmark; the message says why."""


@dataclass(frozen=True)
class Options:
    """What every benchmark is run with.

    Attributes:
        data: Directory of a data set.
        work: Where trained models are kept from one benchmark to the next.
    """

    data: Path
    work: Path

    def dataset(self) -> Dataset:
        """Read the data set."""
        return read_dataset(self.data)[0]

    def trained_model(self, preset: str) -> TrainedModel:
        """A preset's model of the data set, trained if `work` does not have it yet."""
        return load_artifact(self.artifact(preset))

    def artifact(self, preset: str) -> Path:
        """Directory of a preset's model of the data set, trained if `work` does not have it yet."""
        directory = self.work / f"{self.data.name}-{preset}"
        if not (directory / "manifest.json").exists():
            train(self.dataset(), load_preset(preset), directory, data_path=self.data, research_only=True)
        return directory


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments that `options_of` reads."""
    parser.add_argument("--data", type=Path, required=True, help="directory of a data set")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench"), help="where trained models are kept")


def options_of(arguments: argparse.Namespace) -> Options:
    """The options on a command line."""
    return Options(data=arguments.data, work=arguments.work)


def run(measure: Callable[[Options], Figures]) -> None:
    """The main program of a benchmark: measure, and print the JSON line."""
    module = sys.modules["__main__"]
    parser = argparse.ArgumentParser(description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    options = options_of(parser.parse_args())
    name = module.__spec__.name.rpartition(".")[2]  # type: ignore[union-attr]  # run by `python -m`
    line: Figures = {"benchmark": name, "data": options.data.name, "environment": environment()}
    try:
        line["figures"] = measure(options)
    except SkippedError as reason:
        line["skipped"] = str(reason)
    line["environment"]["peak_memory_mib"] = peak_memory_mib()
    print(json.dumps(line))


def environment() -> Figures:
    """Where and when something was measured, and how busy the machine was."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def peak_memory_mib() -> float:
    """The most memory that this process has had so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def use_one_core() -> None:
    """Pin this process to the last core that it may use, with one thread of torch's.

    The first one is where Linux prefers to serve interrupts.
    """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    compute_in_one_thread()


def medians(candidates: Mapping[str, Callable[[], object]], *, repeats: int = 7, warm_up: int = 1) -> dict[str, float]:
    """Median seconds of each candidate; they take turns.

    Args:
        candidates: What to run, by name.
        repeats: Measured runs of each.
        warm_up: Runs of each before, that are not measured.
    """
    for _ in range(warm_up):
        for candidate in candidates.values():
            candidate()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            started = time.perf_counter()
            candidate()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(own) for name, own in seconds.items()}


class Product(NamedTuple):
    """A matrix product [batch, rows, inner] × [batch, inner, columns], done `times` times."""

    batch: int
    rows: int
    inner: int
    columns: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.batch * self.rows * self.inner * self.columns * self.times


class RecordedProducts(TorchDispatchMode):
    """Records the matrix products of whatever runs inside the context.

    Attributes:
        products: The products, in their order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.products: list[Product] = []

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        """Note the shapes of a product, and run it."""
        operands = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1}.get(func.overloadpacket.__name__.rstrip("_"))
        if operands is not None:
            left, right = args[operands : operands + 2]
            batch = len(left) if left.ndim == 3 else 1
            self.products.append(Product(batch, left.shape[-2], left.shape[-1], right.shape[-1]))
            return func(*args, **(kwargs or {}))
        with self:  # operations such as `matmul` consist of others
            result = func.decompose(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {})) if result is NotImplemented else result


def products_alone(products: Sequence[Product]) -> Callable[[], object]:
    """A candidate for `medians`: nothing but these matrix products, on operands that are ready.

    Its time over that of the whole computation which needs them is the share of the machine's limit that is reached.
    """
    operands = []
    for own in products:
        batch = (own.batch,) if own.batch > 1 else ()  # batches of one are slower than plain products
        left, right = torch.rand(*batch, own.rows, own.inner), torch.rand(*batch, own.inner, own.columns)
        operands.append((left, right, own.times))

    def multiply() -> None:
        for left, right, times in operands:
            for _ in range(times):
                torch.matmul(left, right)

    return multiply


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned right."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
