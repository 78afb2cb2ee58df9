"""Jobs in the database; every change of status names the status it starts from, so no two parties collide."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Job, JobStatus

_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


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
            parameters=parameters,
            created_at=datetime.now(UTC),
        )
        self._session.add(job)
        await self._session.flush()
        return job

    async def get(self, job_id: str) -> Job | None:
        """The job, if there is one."""
        return await self._session.get(Job, job_id)

    async def page(self, *, kind: str, after: str | None, limit: int) -> Sequence[Job]:
        """Jobs from the newest on, from behind `after` on."""
        statement = select(Job).where(Job.kind == kind).order_by(Job.created_at.desc(), Job.id.desc())
        if after is not None:
            position = select(Job.created_at, Job.id).where(Job.id == after).scalar_subquery()
            statement = statement.where(tuple_(Job.created_at, Job.id) < position)
        return (await self._session.scalars(statement.limit(limit))).all()

    async def count_by_status(self) -> dict[str, int]:
        """How many jobs there are of each status; those of which there are none are left out."""
        rows = await self._session.execute(select(Job.status, func.count()).group_by(Job.status))
        return dict(rows.all())

    async def queued_ids(self) -> Sequence[str]:
        """The jobs that wait, the oldest first."""
        statement = select(Job.id).where(Job.status == JobStatus.QUEUED).order_by(Job.created_at, Job.id)
        return (await self._session.scalars(statement)).all()

    async def claim(self, job_id: str) -> Job | None:
        """Start a queued job; None if it was cancelled, or another worker has it."""
        now = datetime.now(UTC)
        if not await self._move(
            job_id, (JobStatus.QUEUED,), status=JobStatus.RUNNING, started_at=now, heartbeat_at=now
        ):
            return None
        return await self.get(job_id)

    async def beat(self, job_id: str, progress: float) -> bool:
        """Note that a running job's worker is alive; False if the job is not running any more."""
        return await self._move(job_id, (JobStatus.RUNNING,), progress=progress, heartbeat_at=datetime.now(UTC))

    async def succeed(self, job_id: str, report: dict[str, Any]) -> None:
        """End a running job with its report."""
        await self._move(
            job_id,
            (JobStatus.RUNNING,),
            status=JobStatus.SUCCEEDED,
            progress=1.0,
            report=report,
            finished_at=datetime.now(UTC),
        )

    async def fail(self, job_id: str, reason: str) -> None:
        """End a job that is queued or running with the reason why it cannot be done."""
        await self._move(job_id, _ACTIVE, status=JobStatus.FAILED, error=reason, finished_at=datetime.now(UTC))

    async def release(self, job_id: str) -> None:
        """Put a running job back in the queue because its worker stops."""
        await self._move(
            job_id,
            (JobStatus.RUNNING,),
            status=JobStatus.QUEUED,
            progress=0.0,
            started_at=None,
            heartbeat_at=None,
        )

    async def cancel(self, job_id: str) -> bool:
        """Cancel a job that is queued or running; False if it has ended."""
        return await self._move(job_id, _ACTIVE, status=JobStatus.CANCELLED, finished_at=datetime.now(UTC))

    async def given_up(self, job_ids: Collection[str], *, before: datetime) -> Sequence[str]:
        """Those of the jobs that have failed or were cancelled before a moment."""
        ended = Job.status.in_((JobStatus.FAILED, JobStatus.CANCELLED))
        statement = select(Job.id).where(Job.id.in_(job_ids), ended, Job.finished_at < before)
        return (await self._session.scalars(statement)).all()

    async def fail_abandoned(self, *, silent_for: timedelta, reason: str) -> Sequence[str]:
        """Fail the running jobs whose workers have been silent too long; returns their ids."""
        now = datetime.now(UTC)
        statement = (
            update(Job)
            .where(Job.status == JobStatus.RUNNING, Job.heartbeat_at < now - silent_for)
            .values(status=JobStatus.FAILED, error=reason, finished_at=now)
            .returning(Job.id)
        )
        return (await self._session.scalars(statement)).all()

    async def _move(self, job_id: str, sources: Sequence[JobStatus], **values: object) -> bool:
        statement = update(Job).where(Job.id == job_id, Job.status.in_(sources)).values(values)
        return (await self._session.execute(statement.returning(Job.id))).scalar_one_or_none() is not None
