"""Users a second of meta-training on a GPU: the same global updates as benchmarks/training_throughput.py, on CUDA.

python -m benchmarks.training_throughput_cuda --data DIR [--work DIR]
"""

from pathlib import Path

import torch

from benchmarks.harness import Figures, Options, SkippedError, medians, run, table
from benchmarks.training_throughput import BATCH_USERS, SETTINGS, batched_losses, untrained, updates, warm_batches


def measure(options: Options) -> Figures:
    """Every setting; the device is waited for at the end of each run alone."""
    if not torch.cuda.is_available():
        raise SkippedError("this machine has no CUDA device")
    dataset = options.dataset()
    learner, data = untrained(dataset, torch.device("cuda"))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.0, fused=True)
    batches = warm_batches(dataset)

    def run_and_wait() -> None:
        updates(batched_losses, learner, data, optimizer, batches)
        torch.cuda.synchronize()

    figures = {}
    for name, learner.config in SETTINGS.items():
        seconds = medians({name: run_and_wait}, repeats=20, warm_up=5)[name]
        figures[name] = {"users_per_second": BATCH_USERS * len(batches) / seconds}
    return figures


def section(figures: Figures, results: Path) -> str:  # noqa: ARG001 - no plot
    """One table."""
    rows = [[name, f"{own['users_per_second']:,.0f}"] for name, own in figures.items()]
    return table(["", "users/s"], rows)


if __name__ == "__main__":
    run(measure)
