import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.tables import Job, JobStatus


@pytest.fixture
async def job_id(database: Database) -> str:
    """A queued job."""
    async with database.write() as session:
        return (await JobRepository(session).add(kind="test", parameters={})).id


async def claim(database: Database, job_id: str) -> Job | None:
    async with database.write() as session:
        return await JobRepository(session).claim(job_id)


async def status(database: Database, job_id: str) -> str:
    async with database.read() as session:
        job = await JobRepository(session).get(job_id)
        assert job is not None
        return job.status


async def test_one_worker_alone_gets_a_job(database: Database, job_id: str) -> None:
    claims = await asyncio.gather(*(claim(database, job_id) for _ in range(8)))

    assert [each.status for each in claims if each is not None] == [JobStatus.RUNNING]


async def test_a_cancelled_job_stays_cancelled(database: Database, job_id: str) -> None:
    await claim(database, job_id)
    async with database.write() as session:
        jobs = JobRepository(session)
        assert await jobs.cancel(job_id)
        assert not await jobs.beat(job_id, 0.5)
        await jobs.succeed(job_id, {})
        await jobs.fail(job_id, "too late")
        await jobs.release(job_id)

    assert await status(database, job_id) == JobStatus.CANCELLED


async def test_a_job_without_a_heartbeat_is_failed(database: Database, job_id: str) -> None:
    await claim(database, job_id)
    async with database.write() as session:
        jobs = JobRepository(session)
        assert await jobs.fail_abandoned(silent_for=timedelta(minutes=1), reason="x") == []
        assert await jobs.fail_abandoned(silent_for=timedelta(seconds=-1), reason="x") == [job_id]

    assert await status(database, job_id) == JobStatus.FAILED


async def test_a_released_job_waits_again(database: Database, job_id: str) -> None:
    await claim(database, job_id)
    async with database.write() as session:
        await JobRepository(session).release(job_id)

    async with database.read() as session:
        assert await JobRepository(session).queued_ids() == [job_id]


async def test_jobs_that_will_not_go_on(database: Database, job_id: str) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    async with database.write() as session:
        jobs = JobRepository(session)
        done = (await jobs.add(kind="test", parameters={})).id
        await jobs.claim(done)
        await jobs.succeed(done, {})
        names = [job_id, done, "something else"]
        assert await jobs.given_up(names, before=later) == []

        await jobs.cancel(job_id)

        assert await jobs.given_up(names, before=later) == [job_id]
        assert await jobs.given_up(names, before=later - timedelta(minutes=2)) == []
