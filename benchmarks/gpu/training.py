"""Users a second of meta-training, by batch size: eager, as one CUDA graph, and compiled."""

import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu.bench import Batch, Bench, Work, peak_bytes, seconds_of, wait_for
from models.learners.base import OuterBatch

_UPDATES = 8
"""Updates of a measured epoch, at least."""

Figures = dict[str, Any]


def eager(bench: Bench, batch_users: int, limits: dict[str, float]) -> Figures:
    """Whole epochs as training runs them: episodes are drawn on the device, and the end alone is waited for."""
    optimizer = bench.optimizer()
    peak_bytes(bench.device)

    def epoch(seed: int) -> tuple[int, int, float]:
        started, users, updates = time.perf_counter(), 0, 0
        for batch in bench.batches(batch_users, _UPDATES, seed=seed):
            bench.update(optimizer, batch)
            users, updates = users + len(batch[1].users), updates + 1
        wait_for(bench.device)
        return users, updates, time.perf_counter() - started

    epoch(0)
    runs = sorted((epoch(seed) for seed in (1, 2, 3)), key=lambda run: run[2])
    users, updates, seconds = runs[1]
    batch = _one_batch(bench, batch_users)
    work = Work.of(lambda: bench.update(optimizer, batch))
    return {
        "users_per_second": users / seconds,
        "milliseconds_per_update": 1e3 * seconds / updates,
        "flops_per_user": work.flops / len(batch[1].users),
        "bytes_per_user": work.bytes / len(batch[1].users),
        **work.shares(seconds * len(batch[1].users) / users, limits),
        "peak_bytes": peak_bytes(bench.device),
    }


def as_graph(bench: Bench, batch_users: int, limits: dict[str, float]) -> Figures:
    """The update of one batch as one CUDA graph: no launches from the host."""
    optimizer, batch = bench.optimizer(), _one_batch(bench, batch_users)
    work = Work.of(lambda: bench.update(optimizer, batch))
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            bench.update(optimizer, batch)
    torch.cuda.current_stream().wait_stream(side)
    peak_bytes(bench.device)
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(bench.dropout.generator)
    with torch.cuda.graph(graph):
        bench.update(optimizer, batch)
    return _repeated(bench, graph.replay, batch, work, limits)


def compiled(bench: Bench, batch_users: int, limits: dict[str, float]) -> Figures:
    """The update of one batch whose loss is compiled; without field dropout, whose generator is not compiled."""
    optimizer, batch = bench.optimizer(), _one_batch(bench, batch_users)
    objective = bench.data.preset.objective.loss

    def loss_of(batch: Batch) -> torch.Tensor:
        episodes: OuterBatch = bench.embedded(batch, dropout=False)
        return objective(episodes)

    compiled_loss = torch.compile(loss_of, backend="inductor" if bench.device.type == "cuda" else "eager")

    def update(loss: Callable[[Batch], torch.Tensor]) -> None:
        optimizer.zero_grad()
        loss(batch).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()

    work = Work.of(lambda: update(loss_of))
    started = time.perf_counter()
    update(compiled_loss)
    wait_for(bench.device)
    compile_seconds = time.perf_counter() - started
    peak_bytes(bench.device)
    return {
        **_repeated(bench, lambda: update(compiled_loss), batch, work, limits),
        "compile_seconds": compile_seconds,
    }


def waits_and_copies(bench: Bench, batch_users: int) -> Figures:
    """Whether a step waits for the device or copies to it, after the epoch's first batch."""
    optimizer = bench.optimizer()
    batches = bench.batches(batch_users, _UPDATES)
    bench.update(optimizer, next(batches))
    if bench.device.type != "cuda":
        return {"checked": False}
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    steps = 0
    with torch.profiler.profile(activities=activities) as profile:
        torch.cuda.set_sync_debug_mode("error")
        try:
            for batch in batches:
                bench.update(optimizer, batch)
                steps += 1
        finally:
            torch.cuda.set_sync_debug_mode("default")
        torch.cuda.synchronize()
    copies = sum(event.count for event in profile.key_averages() if "Memcpy HtoD" in event.key)
    return {"checked": True, "steps": steps, "waits": 0, "copies_to_the_device": copies}


def _one_batch(bench: Bench, batch_users: int) -> Batch:
    """A batch of this size; smaller ones end each fold."""
    return max(bench.batches(batch_users, _UPDATES), key=lambda batch: len(batch[1].users))


def _repeated(
    bench: Bench, update: Callable[[], object], batch: Batch, work: Work, limits: dict[str, float]
) -> Figures:
    seconds, users = seconds_of(update, bench.device, repeats=10), len(batch[1].users)
    return {
        "users_per_second": users / seconds,
        "milliseconds_per_update": 1e3 * seconds,
        **work.shares(seconds, limits),
        "peak_bytes": peak_bytes(bench.device),
    }
