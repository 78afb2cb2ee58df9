"""The jobs of a leaderboard, done in an order that their results allow, on several cores or in this process."""

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any

from models.baselines.lists import NEW_ITEM_BASELINES, BaselineLeftOutError
from models.choice.trainer import RoundResult
from models.data.malformed import DataError
from models.leaderboard.errors import LeaderboardError
from models.leaderboard.workbench import Workbench
from models.training.checkpoint import CheckpointError
from models.training.observer import TrainingObserver
from models.training.preset import Preset, PresetError
from models.training.threads import compute_in_one_thread

_POLL_SECONDS = 0.2
"""How often the progress of other processes is looked at."""


class Step(StrEnum):
    """What a job does; the value says it in words."""

    SHORTLISTS = "choices"
    LEARNER = "ratings"
    LISTS = "lists"
    BASELINE = "baseline"
    LIST_BASELINE = "baseline for lists"
    ADAPTATION = "time of an adaptation"


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        step: What it does.
        name: Of the preset or baseline.
        seed: The seed; None for a job for all seeds.
        after: The jobs whose results it needs.
    """

    step: Step
    name: str
    seed: int | None = None
    after: tuple["Job", ...] = ()

    @property
    def label(self) -> str:
        """The job in words."""
        return f"{self.name}: {self.step}" + ("" if self.seed is None else f", seed {self.seed}")

    @property
    def weight(self) -> int:
        """About how long it takes, compared with other jobs."""
        return {Step.SHORTLISTS: 10, Step.LEARNER: 10, Step.ADAPTATION: 1}.get(self.step, 2)


@dataclass(frozen=True)
class Failure:
    """A job that has no result.

    Attributes:
        name: Of the preset or baseline.
        reason: Why.
        is_left_out: Whether a baseline is left out, because a package is missing or the data set is too large for it.
    """

    name: str
    reason: str
    is_left_out: bool = False


class LeaderboardObserver:
    """Receives the progress of a leaderboard. A subclass overrides the methods that it needs."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """These jobs are to be done; those whose results are there are not among them."""

    def progressed(self, job: Job, share: float, what: str) -> None:
        """A share of a job is done, 0 to 1. `what` says what goes on in it."""

    def finished(self, job: Job, failure: Failure | None) -> None:
        """A job is over."""


def planned_jobs(bench: Workbench) -> list[Job]:
    """All jobs of a leaderboard but the last ones, in the order in which they should be begun."""
    config, has_ratings = bench.config, bool(bench.dataset.ratings.rated.any())
    seeds = range(config.seeds)
    learners = [preset for preset in config.presets if preset.learner is not None]
    choosers = [preset for preset in config.presets if preset.learner is None]
    if learners:
        choosers.insert(0, config.reference)
    shortlists = {
        (preset.name, seed): Job(Step.SHORTLISTS, preset.name, seed)
        for preset in {preset.name: preset for preset in choosers}.values()
        for seed in seeds
    }
    trained = [Job(Step.LEARNER, preset.name, seed) for preset in learners for seed in seeds]
    lists = [
        Job(Step.LISTS, job.name, job.seed, (job, shortlists[config.reference.name, job.seed or 0])) for job in trained
    ]
    lists += [
        Job(Step.LISTS, preset.name, seed, (shortlists[preset.name, seed],))
        for preset in config.presets
        if preset.learner is None
        for seed in seeds
    ]
    baselines = [Job(Step.BASELINE, name) for name in config.baselines if has_ratings]
    if config.list_baselines:
        names = (*config.list_baselines, *NEW_ITEM_BASELINES)
        baselines += [Job(Step.LIST_BASELINE, name) for name in names]
    return [*shortlists.values(), *trained, *lists, *baselines]


def adaptation_jobs(bench: Workbench) -> list[Job]:
    """The jobs that come last, because nothing else should run beside them."""
    return [Job(Step.ADAPTATION, preset.name) for preset in bench.config.presets if preset.learner is not None]


def result_of(bench: Workbench, job: Job) -> Path:
    """The file that a job writes."""
    if job.step is Step.BASELINE:
        return bench.baseline_file(job.name)
    if job.step is Step.LIST_BASELINE:
        return bench.list_baseline_file(job.name)
    preset, seed = _preset(bench, job), job.seed or 0
    files = {
        Step.SHORTLISTS: bench.shortlists_file,
        Step.LEARNER: bench.errors_file,
        Step.LISTS: bench.lists_file,
        Step.ADAPTATION: bench.adaptation_file,
    }
    return files[job.step](preset, seed)


DoJobs = Callable[[Workbench, Sequence[Job], LeaderboardObserver], list[Failure]]
"""Does jobs in an order that their results allow, and returns the failures. What needs a failed job is left out."""


def do_jobs(
    bench: Workbench, *, processes: int, observer: LeaderboardObserver, elsewhere: DoJobs | None = None
) -> list[Failure]:
    """Do all jobs whose results are not there.

    A job that fails loses neither the others nor their results. The next call tries it again.

    Args:
        bench: Does the jobs.
        processes: How many processes work at once, one thread each; 1 to work in this process.
        observer: Shows progress.
        elsewhere: Does the jobs instead of processes on this machine; but what is timed is timed here.
    """
    first = [job for job in planned_jobs(bench) if not result_of(bench, job).exists()]
    last = [job for job in adaptation_jobs(bench) if not result_of(bench, job).exists()]
    observer.planned([*first, *last])
    if elsewhere is not None:
        failures = elsewhere(bench, first, observer)
    elif processes > 1:
        failures = _do_in_processes(bench, first, processes, observer)
    else:
        failures = _do_here(bench, first, observer)
    failed = {failure.name for failure in failures}
    failures += _do_here(bench, [job for job in last if job.name not in failed], observer)
    return failures


def _do_here(bench: Workbench, jobs: Sequence[Job], observer: LeaderboardObserver) -> list[Failure]:
    failed: dict[Job, Failure] = {}
    for job in jobs:
        if any(needed in failed for needed in job.after):
            continue
        failure = do_job(bench, job, partial(observer.progressed, job))
        observer.finished(job, failure)
        if failure is not None:
            failed[job] = failure
    return list(failed.values())


def _do_in_processes(
    bench: Workbench, jobs: Sequence[Job], processes: int, observer: LeaderboardObserver
) -> list[Failure]:
    # Processes are spawned, because Polars' threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    waiting, running = list(jobs), dict[Future[Failure | None], Job]()
    failed: dict[Job, Failure] = {}
    with ProcessPoolExecutor(processes, context, initializer=_open, initargs=(bench, messages)) as pool:
        while waiting or running:
            waiting = [job for job in waiting if not any(needed in failed for needed in job.after)]
            unfinished = {*waiting, *running.values()}
            ready = [job for job in waiting if not any(needed in unfinished for needed in job.after)]
            # No more than there are processes, so that none is begun after an interruption.
            for job in ready[: processes - len(running)]:
                running[pool.submit(_do, job)] = job
                waiting.remove(job)
            done, _ = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            for job, share, what in _received(messages):
                observer.progressed(job, share, what)
            for future in done:
                job = running.pop(future)
                try:
                    failure = future.result()
                except BrokenProcessPool as error:
                    raise LeaderboardError(
                        "a process was killed, perhaps because memory ran out: start the command again with fewer "
                        "--processes; it goes on from what is done"
                    ) from error
                observer.finished(job, failure)
                if failure is not None:
                    failed[job] = failure
    return list(failed.values())


_bench: Workbench | None = None
_messages: Any = None
"""What a process works with, and where it tells its progress."""


def _open(bench: Workbench, messages: Any) -> None:  # noqa: ANN401 - a queue, whose type is no public class
    global _bench, _messages
    _bench, _messages = bench, messages
    compute_in_one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent was killed: a later run must not meet it at the same files."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Job) -> Failure | None:
    assert _bench is not None  # noqa: S101 - the process was opened with it
    return do_job(_bench, job, lambda share, what: _messages.put((job, share, what)))


def _received(messages: Any) -> list[tuple[Job, float, str]]:  # noqa: ANN401 - as above
    received = []
    while True:
        try:
            received.append(messages.get_nowait())
        except Empty:
            return received


class _TrainingProgress(TrainingObserver):
    """Tells the share of a training that is done."""

    def __init__(self, tell: Callable[[float, str], None]) -> None:
        self._tell = tell
        self._epochs = 1

    def phase_begun(self, phase: str, *, epochs: int) -> None:  # noqa: ARG002 - part of the interface
        self._epochs = epochs

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        share = (epoch - 1 + users_done / users_total) / self._epochs
        self._tell(share, f"epoch {epoch} of {self._epochs}")

    def round_done(self, result: RoundResult) -> None:
        self._tell(result.round / self._epochs, f"round {result.round} of {self._epochs}")


def do_job(bench: Workbench, job: Job, tell: Callable[[float, str], None]) -> Failure | None:
    """Do a job.

    Args:
        bench: Does it.
        job: The job.
        tell: Called with the share that is done, and what goes on.

    Returns:
        What is wrong; None if the result is there.
    """
    tell(0.0, "begun")
    try:
        _do_step(bench, job, _TrainingProgress(tell))
    except BaselineLeftOutError as error:
        return Failure(job.name, str(error), is_left_out=True)
    except (PresetError, DataError, CheckpointError) as error:
        return Failure(job.name, f"{job.label}: {error}")
    except Exception as error:  # a fault of one learner must not lose the others
        log = result_of(bench, job).with_suffix(".failure.txt")
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        return Failure(job.name, f"{job.label}: {type(error).__name__}: {error} ({log})")
    return None


def _do_step(bench: Workbench, job: Job, observer: TrainingObserver) -> None:
    if job.step is Step.BASELINE:
        bench.measure_baseline(job.name)
    elif job.step is Step.LIST_BASELINE:
        bench.measure_list_baseline(job.name)
    elif job.step is Step.SHORTLISTS:
        bench.make_shortlists(_preset(bench, job), job.seed or 0, observer)
    elif job.step is Step.LEARNER:
        bench.measure_learner(_preset(bench, job), job.seed or 0, observer)
    elif job.step is Step.LISTS:
        bench.measure_lists(_preset(bench, job), job.seed or 0)
    else:
        bench.time_adaptation(_preset(bench, job))


def _preset(bench: Workbench, job: Job) -> Preset:
    config = bench.config
    return next(preset for preset in (*config.presets, config.reference) if preset.name == job.name)
