"""The jobs of a leaderboard on a Ray cluster: one task for each, which waits for those whose results it needs.

A job whose process or node is lost is done again by Ray, and goes on from its checkpoint in the work directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.util.queue import Queue

from app.cluster.connection import task_resources
from app.cluster.errors import ClusterError
from app.cluster.messages import messages_to
from models.leaderboard.jobs import Failure, Job, LeaderboardObserver, do_job, result_of
from models.leaderboard.workbench import Workbench
from models.training.threads import compute_in_one_thread


@dataclass(frozen=True)
class _Outcome:
    """How a job ended.

    Attributes:
        failure: What is wrong; None if the result is there.
        left_out: Whether it was not begun, because a job that it needs failed.
    """

    failure: Failure | None = None
    left_out: bool = False

    @property
    def has_result(self) -> bool:
        return self.failure is None and not self.left_out


def do_jobs_on_cluster(bench: Workbench, jobs: Sequence[Job], observer: LeaderboardObserver) -> list[Failure]:
    """Do jobs on the cluster that this process is connected to; a `DoJobs`.

    Raises:
        ClusterError: A machine of the cluster does not see the work directory.
    """
    # Processes of a cluster have working directories of their own.
    bench = replace(bench, work=bench.work.resolve())
    shared = ray.put(bench)
    task = ray.remote(_do).options(**task_resources(bench.config.device))
    failures = []
    with messages_to(lambda message: observer.progressed(*message)) as messages:
        begun: dict[Job, Any] = {}
        for job in jobs:  # those that others need come first
            needed = [begun[other] for other in job.after if other in begun]
            begun[job] = task.remote(shared, job, messages, *needed)
        job_of = {result: job for job, result in begun.items()}
        waiting = list(job_of)
        while waiting:
            (done,), waiting = ray.wait(waiting, num_returns=1)
            outcome, job = ray.get(done), job_of[done]
            if outcome.has_result and not result_of(bench, job).exists():
                raise ClusterError(f"--work {bench.work}: all machines of the cluster must see this directory")
            if not outcome.left_out:
                observer.finished(job, outcome.failure)
            if outcome.failure is not None:
                failures.append(outcome.failure)
    return failures


def _do(bench: Workbench, job: Job, messages: Queue, *needed: _Outcome) -> _Outcome:
    if not all(outcome.has_result for outcome in needed):
        return _Outcome(left_out=True)
    compute_in_one_thread()
    return _Outcome(do_job(bench, job, lambda share, what: messages.put((job, share, what))))
