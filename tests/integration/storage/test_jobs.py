import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.tables import Job, JobStatus


@pytest.fixture
async def job_id(database: Database) -> str:
    """A queued job."""
    async with database.write() as session:
        return (await JobRepository(session).add(kind="test", parameters={})).id


async def claim(database: Database) -> Job | None:
    async with database.write() as session:
        return await JobRepository(session).claim_next()


async def status(database: Database, job_id: str) -> str:
    async with database.read() as session:
        job = await JobRepository(session).get(job_id)
        assert job is not None
        return job.status


async def test_claim_by_two_workers_gives_one_the_job(database: Database, job_id: str) -> None:
    claims = await asyncio.gather(*(claim(database) for _ in range(8)))

    assert [(job.id, job.status, job.attempts) for job in claims if job is not None] == [(job_id, JobStatus.RUNNING, 1)]


async def test_claim_of_several_jobs_takes_the_oldest_first(database: Database, job_id: str) -> None:
    async with database.write() as session:
        later = (await JobRepository(session).add(kind="test", parameters={})).id
        await session.execute(update(Job).where(Job.id == job_id).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))

    claims = [await claim(database) for _ in range(3)]

    assert [job and job.id for job in claims] == [job_id, later, None]


async def test_cancelled_job_cannot_be_ended_or_released(database: Database, job_id: str) -> None:
    claimed = await claim(database)
    assert claimed is not None
    async with database.write() as session:
        jobs = JobRepository(session)
        assert await jobs.cancel(job_id)
        assert not await jobs.beat(claimed, 0.5)
        await jobs.succeed(claimed, {})
        await jobs.fail(claimed, "too late")
        await jobs.release(claimed)

    assert await status(database, job_id) == JobStatus.CANCELLED


async def take_back(database: Database, seconds: float) -> tuple[list[str], list[str]]:
    """Take back silent jobs, with two attempts at most. Returns the ids of queued and of failed jobs."""
    async with database.write() as session:
        queued, failed = await JobRepository(session).take_back(
            silent_for=timedelta(seconds=seconds), attempts=2, reason="they all died"
        )
        return list(queued), list(failed)


async def test_take_back_queues_a_silent_job_and_fails_it_after_enough_workers(database: Database, job_id: str) -> None:
    await claim(database)
    assert await take_back(database, 60) == ([], [])
    assert await take_back(database, -1) == ([job_id], [])
    assert await status(database, job_id) == JobStatus.QUEUED

    again = await claim(database)
    assert again is not None
    assert again.attempts == 2
    assert await take_back(database, -1) == ([], [job_id])

    async with database.read() as session:
        job = await JobRepository(session).get(job_id)
    assert job is not None
    assert (job.status, job.error) == (JobStatus.FAILED, "they all died")
    assert job.finished_at is not None


async def test_beat_of_a_worker_that_was_given_up_is_refused(database: Database, job_id: str) -> None:
    given_up = await claim(database)
    await take_back(database, -1)
    present = await claim(database)
    assert given_up is not None
    assert present is not None
    async with database.write() as session:
        jobs = JobRepository(session)
        assert not await jobs.beat(given_up, 0.5)
        await jobs.succeed(given_up, {"by": "the former"})
        await jobs.fail(given_up, "of the former")
        await jobs.release(given_up)
        assert await jobs.beat(present, 0.5)
        await jobs.succeed(present, {"by": "the present"})

    async with database.read() as session:
        job = await JobRepository(session).get(job_id)
    assert job is not None
    assert job.report == {"by": "the present"}


async def test_release_queues_the_job_without_counting_the_attempt(database: Database, job_id: str) -> None:
    for _ in range(3):
        claimed = await claim(database)
        assert claimed is not None
        async with database.write() as session:
            await JobRepository(session).release(claimed)

    async with database.read() as session:
        jobs = JobRepository(session)
        job = await jobs.get(job_id)
    assert job is not None
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


@pytest.mark.usefixtures("job_id")
async def test_given_up_lists_failed_and_cancelled_jobs(database: Database) -> None:
    async with database.write() as session:
        jobs = JobRepository(session)
        done = await jobs.claim_next()
        assert done is not None
        await jobs.succeed(done, {})
        job_id = (await jobs.add(kind="test", parameters={})).id
        names = [job_id, done.id, "something else"]
        assert await jobs.given_up(names, ended_for=timedelta(minutes=-1)) == []

        await jobs.cancel(job_id)

        assert await jobs.given_up(names, ended_for=timedelta(minutes=-1)) == [job_id]
        assert await jobs.given_up(names, ended_for=timedelta(minutes=1)) == []
