"""How `coldstart compare` shows its progress."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.leaderboard.jobs import Failure, Job, LeaderboardObserver


class LeaderboardProgress(LeaderboardObserver):
    """Shows a bar for all jobs, one for each job that is under way, and a line after each."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("comparing", total=None, what="")
        self._jobs = 0
        self._done: list[Job] = []
        self._under_way: dict[Job, tuple[TaskID, float]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, jobs: Sequence[Job]) -> None:
        """Begin the bar for all jobs."""
        self._jobs = len(jobs)
        self._progress.update(self._all, total=sum(job.weight for job in jobs))
        self._show()

    def progressed(self, job: Job, share: float, what: str) -> None:
        """Move the bar of a job."""
        if job in self._done:
            return  # what a process tells may arrive after its result
        if job not in self._under_way:
            self._under_way[job] = self._progress.add_task(job.label, total=1.0, what=what), 0.0
        task, _ = self._under_way[job]
        self._under_way[job] = task, share
        self._progress.update(task, completed=share, what=what)
        self._show()

    def finished(self, job: Job, failure: Failure | None) -> None:
        """Remove the bar of a job, and print a line."""
        if job in self._under_way:
            self._progress.remove_task(self._under_way.pop(job)[0])
        self._done.append(job)
        self._progress.print(f"{job.label}: {'done' if failure is None else failure.reason}", soft_wrap=True)
        self._show()

    def _show(self) -> None:
        done = sum(job.weight for job in self._done)
        done_of_others = sum(job.weight * share for job, (_, share) in self._under_way.items())
        self._progress.update(
            self._all, completed=done + done_of_others, what=f"{len(self._done)} of {self._jobs} jobs done"
        )
