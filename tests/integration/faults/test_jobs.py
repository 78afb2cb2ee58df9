"""Workers and servers that are killed in the middle of a job."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from app.jobs.runner import JobRunner
from app.main import create_app
from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.jobs import JobRepository
from app.storage.tables import Job, JobStatus
from tests.integration.running import connected, process, server
from tests.waiting import until, until_job

pytestmark = pytest.mark.services

SLOW_WORK = """
import os, time
from pathlib import Path
from app.jobs import runner

def work(parameters, *, progress, **_options):
    with Path({begun!r}).open("a") as file:
        file.write(f"{{os.getpid()}} {{parameters.get('name')}}\\n")
    while Path({hold!r}).exists():
        progress(0.5)
        time.sleep(0.02)
    return {{"by": os.getpid()}}

runner._JOB_FUNCTIONS["evaluation"] = work
"""
RUN_WORKER = "from app.jobs.worker import run_worker; from app.settings import Settings; run_worker(Settings())"


@dataclass
class SlowWork:
    """Work that takes as long as the file `hold` exists, and writes a line to `begun` at each start.

    Attributes:
        begun: The file with the process id and the job's name of every start.
        hold: The work ends when this file is deleted.
    """

    begun: Path
    hold: Path

    @property
    def code(self) -> str:
        """Python code that replaces the work of an evaluation."""
        return SLOW_WORK.format(begun=str(self.begun), hold=str(self.hold))

    def lines(self) -> list[tuple[int, str]]:
        """The process id and the job's name of every start so far."""
        if not self.begun.exists():
            return []
        return [(int(pid), name) for pid, name in map(str.split, self.begun.read_text().splitlines())]


def slow_work(directory: Path) -> SlowWork:
    """Slow work that does not end before `hold` is deleted."""
    work = SlowWork(directory / "begun", directory / "hold")
    work.hold.touch()
    return work


@dataclass
class Deployment:
    """A PostgreSQL database and two workers, by process id."""

    settings: Settings
    work: SlowWork
    workers: dict[int, ForkServerProcess]

    def add(self, *names: str) -> list[str]:
        """Add jobs, which the workers find by themselves. Returns the ids of the jobs."""

        async def add() -> list[str]:
            async with open_database(self.url) as database, database.write() as session:
                jobs = JobRepository(session)
                return [(await jobs.add(kind="evaluation", parameters={"name": name})).id for name in names]

        return asyncio.run(add())

    def job(self, job_id: str) -> Job:
        """The current state of a job."""

        async def get() -> Job | None:
            async with open_database(self.url) as database, database.read() as session:
                return await JobRepository(session).get(job_id)

        job = asyncio.run(get())
        assert job is not None
        return job

    def done(self, *job_ids: str) -> bool:
        """Whether all of them have succeeded."""
        jobs = [self.job(job_id) for job_id in job_ids]
        assert all(job.status != JobStatus.FAILED for job in jobs), [job.error for job in jobs]
        return all(job.status == JobStatus.SUCCEEDED for job in jobs)

    @property
    def url(self) -> str:
        """The URL of the database."""
        return self.settings.database_url.get_secret_value()


@pytest.fixture(scope="module")
def deployment(other_postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two workers that are running and notice dead ones quickly."""
    work = slow_work(tmp_path_factory.mktemp("work"))
    settings = Settings(
        state_dir=work.begun.parent, database_url=other_postgresql_url, redis_url=None, job_silence_seconds=5
    )
    with ExitStack() as stack:
        workers = [stack.enter_context(process(settings, work.code + RUN_WORKER)) for _ in range(2)]
        yield Deployment(settings, work, {worker.pid: worker for worker in workers})


def test_two_workers_with_ten_jobs_do_each_job_once(deployment: Deployment) -> None:
    names = [f"job-{number}" for number in range(10)]
    job_ids = deployment.add(*names)
    until(lambda: {pid for pid, _ in deployment.work.lines()} == set(deployment.workers))  # both are at work
    deployment.work.hold.unlink()
    until(lambda: deployment.done(*job_ids))

    assert Counter(name for _, name in deployment.work.lines()) == dict.fromkeys(names, 1)


def test_killed_worker_leaves_its_job_to_the_other(deployment: Deployment) -> None:  # the last test: one worker is left
    deployment.work.hold.touch()
    (job_id,) = deployment.add("interrupted")
    until(lambda: any(name == "interrupted" for _, name in deployment.work.lines()))
    killed = deployment.work.lines()[-1][0]

    deployment.workers[killed].kill()
    until(lambda: deployment.work.lines()[-1] != (killed, "interrupted"))
    deployment.work.hold.unlink()
    until(lambda: deployment.done(job_id))

    (other,) = set(deployment.workers) - {killed}
    job = deployment.job(job_id)
    assert job.report == {"by": other}
    assert job.attempts == 2


async def test_job_that_kills_three_workers_fails(database: Database, settings: Settings) -> None:
    runner = JobRunner(settings, database)
    async with database.write() as session:
        job_id = (await JobRepository(session).add(kind="evaluation", parameters={})).id
    for _ in range(3):
        async with database.write() as session:
            assert await JobRepository(session).claim_next() is not None
            await session.execute(update(Job).values(heartbeat_at=datetime(2026, 1, 1, tzinfo=UTC)))
        await runner.tidy()

    async with database.write() as session:
        assert await JobRepository(session).claim_next() is None
        job = await session.get(Job, job_id)
    assert job is not None
    assert (job.status, job.error) == (JobStatus.FAILED, "3 workers died or fell silent before the job was done.")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_server_killed_in_a_job_does_it_after_its_restart(settings: Settings, tmp_path: Path) -> None:
    embedded = settings.model_copy(update={"run_worker": True, "job_silence_seconds": 5.0})
    work = slow_work(tmp_path)
    with server(embedded, before=work.code) as (killed, address):
        async with httpx.AsyncClient(base_url=address) as client:
            location = (await client.post("/v1/evaluations")).headers["location"]
        await asyncio.to_thread(until, lambda: bool(work.lines()))
        killed.kill()

    async with connected(create_app(embedded)) as client:
        job = await until_job(client, location, "succeeded", "failed", "cancelled")
    assert job["error"] is None
    assert len(job["report"]["states"]) == 4
