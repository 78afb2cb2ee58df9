"""Jobs in the database. Every change of status names the status it starts from, so that two changes cannot collide."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage import clock
from app.storage.tables import Job, JobStatus

_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
_QUEUED_AGAIN = {"status": JobStatus.QUEUED, "progress": 0.0, "started_at": None, "heartbeat_at": None}


class JobRepository:
    """Reads and writes jobs."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, *, kind: str, parameters: dict[str, Any]) -> Job:
        """A new job, queued."""
        job = Job(
            id=uuid4().hex,
            kind=kind,
            status=JobStatus.QUEUED,
            progress=0.0,
            attempts=0,
            parameters=parameters,
            created_at=await self._now(),
        )
        self._session.add(job)
        await self._session.flush()
        return job

    async def get(self, job_id: str) -> Job | None:
        """The job, if there is one."""
        return await self._session.get(Job, job_id)

    async def page(self, *, kind: str, after: str | None, limit: int) -> Sequence[Job]:
        """Jobs, newest first, after the job `after`."""
        statement = select(Job).where(Job.kind == kind).order_by(Job.created_at.desc(), Job.id.desc())
        if after is not None:
            position = select(Job.created_at, Job.id).where(Job.id == after).scalar_subquery()
            statement = statement.where(tuple_(Job.created_at, Job.id) < position)
        return (await self._session.scalars(statement.limit(limit))).all()

    async def count_by_status(self) -> dict[str, int]:
        """The number of jobs of each status; statuses without jobs are left out."""
        rows = await self._session.execute(select(Job.status, func.count()).group_by(Job.status))
        return dict(rows.all())

    async def count_failed(self, *, within: timedelta) -> int:
        """The number of jobs that failed within this time."""
        since = await self._now() - within
        statement = select(func.count()).where(Job.status == JobStatus.FAILED, Job.finished_at > since)
        return (await self._session.execute(statement)).scalar_one()

    async def count_waiting(self, *, longer_than: timedelta) -> int:
        """The number of queued jobs that are older than this, while no job is running."""
        before = await self._now() - longer_than
        running = select(Job.id).where(Job.status == JobStatus.RUNNING).exists()
        statement = select(func.count()).where(Job.status == JobStatus.QUEUED, Job.created_at < before, ~running)
        return (await self._session.execute(statement)).scalar_one()

    async def claim_next(self) -> Job | None:
        """Start the oldest queued job; None if there is none that no other worker is just claiming."""
        oldest = (
            select(Job.id)
            .where(Job.status == JobStatus.QUEUED)
            .order_by(Job.created_at, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # of PostgreSQL; SQLite has one writer at a time
        )
        now = await self._now()
        claimed = (
            update(Job)
            .where(Job.id == oldest.scalar_subquery(), Job.status == JobStatus.QUEUED)
            .values(status=JobStatus.RUNNING, attempts=Job.attempts + 1, started_at=now, heartbeat_at=now)
            .returning(Job)
        )
        return (await self._session.scalars(claimed)).one_or_none()

    async def beat(self, claimed: Job, progress: float) -> bool:
        """Note that a job's worker is alive; False if the job is no longer that worker's."""
        return await self._move(*_still(claimed), progress=progress, heartbeat_at=await self._now())

    async def succeed(self, claimed: Job, report: dict[str, Any]) -> None:
        """End a job with its report, if it is still that of the worker that claimed it."""
        await self._move(
            *_still(claimed), status=JobStatus.SUCCEEDED, progress=1.0, report=report, finished_at=await self._now()
        )

    async def fail(self, claimed: Job, reason: str) -> None:
        """End a job with the reason why it cannot be done, if it is still that of the worker that claimed it."""
        await self._move(*_still(claimed), status=JobStatus.FAILED, error=reason, finished_at=await self._now())

    async def release(self, claimed: Job) -> None:
        """Put a job back in the queue because its worker stops; that is no fault of the job, and not counted."""
        await self._move(*_still(claimed), attempts=Job.attempts - 1, **_QUEUED_AGAIN)

    async def cancel(self, job_id: str) -> bool:
        """Cancel a job that is queued or running; False if it has ended."""
        return await self._move(
            Job.id == job_id, Job.status.in_(_ACTIVE), status=JobStatus.CANCELLED, finished_at=await self._now()
        )

    async def given_up(self, job_ids: Collection[str], *, ended_for: timedelta) -> Sequence[str]:
        """Those of the jobs that have failed or were cancelled at least so long ago."""
        return await self._ended(job_ids, (JobStatus.FAILED, JobStatus.CANCELLED), ended_for)

    async def succeeded(self, job_ids: Collection[str], *, ended_for: timedelta) -> Sequence[str]:
        """Those of the jobs that have succeeded at least so long ago."""
        return await self._ended(job_ids, (JobStatus.SUCCEEDED,), ended_for)

    async def take_back(
        self, *, silent_for: timedelta, attempts: int, reason: str
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Queue the running jobs again whose workers have been silent too long, or fail them if they had enough.

        Args:
            silent_for: What is too long.
            attempts: How many workers a job may lose.
            reason: Why those fail that have lost as many.

        Returns:
            The ids of the jobs that are queued again, and of those that have failed.
        """
        silent = (
            Job.status == JobStatus.RUNNING,
            Job.heartbeat_at < await self._now() - silent_for,
        )
        failing = update(Job).where(*silent, Job.attempts >= attempts)
        failed = await self._session.scalars(
            failing.values(status=JobStatus.FAILED, error=reason, finished_at=await self._now()).returning(Job.id)
        )
        queued = await self._session.scalars(update(Job).where(*silent).values(_QUEUED_AGAIN).returning(Job.id))
        return queued.all(), failed.all()

    async def _ended(self, job_ids: Collection[str], statuses: Collection[str], ended_for: timedelta) -> Sequence[str]:
        ended = Job.status.in_(statuses), Job.finished_at < await self._now() - ended_for
        return (await self._session.scalars(select(Job.id).where(Job.id.in_(job_ids), *ended))).all()

    async def _now(self) -> datetime:
        return await clock.now(self._session)

    async def _move(self, *which: ColumnElement[bool], **values: object) -> bool:
        statement = update(Job).where(*which).values(values)
        return (await self._session.execute(statement.returning(Job.id))).scalar_one_or_none() is not None


def _still(claimed: Job) -> tuple[ColumnElement[bool], ...]:
    """Whether the worker that claimed a job still has it. A silent worker loses its job to another one."""
    return (Job.id == claimed.id, Job.status == JobStatus.RUNNING, Job.attempts == claimed.attempts)
