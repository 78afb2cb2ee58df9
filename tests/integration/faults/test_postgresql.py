"""PostgreSQL stops and starts again."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.errors import DatabaseUnavailableError
from app.jobs import runner
from app.settings import Settings
from app.storage.database import open_database
from app.storage.jobs import JobRepository
from app.storage.migrate import upgrade
from app.storage.tables import Job, JobStatus, Rating
from tests.integration.faults.load import load
from tests.integration.faults.servers import PostgreSQLServer, postgresql_server
from tests.integration.running import do_next_job, server

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL server that tests can stop."""
    with postgresql_server() as running:
        yield running


@pytest.fixture
def settings(postgresql: PostgreSQLServer, model_dir: Path, tmp_path: Path) -> Settings:
    """Settings of a service on that PostgreSQL server."""
    return Settings(
        state_dir=tmp_path, database_url=postgresql.url, redis_url=None, model_dir=model_dir, run_worker=False
    )


async def rated_users(url: str) -> set[str]:
    async with open_database(url) as database, database.read() as session:
        return set(await session.scalars(select(Rating.user_id)))


def test_postgresql_restarted_and_crashed_under_load_loses_no_acknowledged_rating(
    postgresql: PostgreSQLServer, settings: Settings
) -> None:
    with server(settings) as (_, address):
        with load(address) as clients:
            for end in (postgresql.stop, postgresql.crash):
                before = clients.statuses.copy()
                clients.until(lambda before=before: clients.statuses[200] > before[200] + 50)
                end()
                clients.until(lambda before=before: clients.statuses[503] > before[503] + 20)
                readiness = httpx.get(f"{address}/health/ready")
                assert readiness.status_code == 503
                assert "database" in readiness.json()["missing"]
                postgresql.start()
            clients.until(lambda done=clients.statuses[200]: clients.statuses[200] > done + 50)
        assert httpx.get(f"{address}/health/ready").status_code == 200

    assert set(clients.statuses) == {200, 503}
    assert clients.acknowledged <= asyncio.run(rated_users(postgresql.url))


async def test_job_that_ends_during_an_outage_is_stored_afterwards(
    postgresql: PostgreSQLServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, finish = threading.Event(), threading.Event()

    def work(_parameters: object, **_options: object) -> dict[str, Any]:
        begun.set()
        assert finish.wait(60)
        return {"done": True}

    monkeypatch.setitem(runner._JOB_FUNCTIONS, "evaluation", work)
    async with open_database(postgresql.url) as database:
        await upgrade(database)
        async with database.write() as session:
            job_id = (await JobRepository(session).add(kind="evaluation", parameters={})).id
    running = asyncio.create_task(asyncio.to_thread(do_next_job, settings))
    assert await asyncio.to_thread(begun.wait, 60)

    await asyncio.to_thread(postgresql.stop)
    finish.set()
    await asyncio.sleep(1.5)  # the worker tries to store the report and fails
    await asyncio.to_thread(postgresql.start)
    await running

    async with open_database(postgresql.url) as database, database.read() as session:
        job = await session.get(Job, job_id)
    assert job is not None
    assert (job.status, job.report, job.attempts) == (JobStatus.SUCCEEDED, {"done": True}, 1)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("53100", DatabaseUnavailableError),  # disk full
        ("53300", DatabaseUnavailableError),  # too many connections
        ("25006", DatabaseUnavailableError),  # a standby
        ("58030", DatabaseUnavailableError),  # I/O error
        ("22012", DBAPIError),  # division by zero: a fault of the statement
    ],
)
async def test_database_errors_are_outages_or_faults(
    postgresql: PostgreSQLServer, state: str, expected: type[Exception]
) -> None:
    statement = text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
    async with open_database(postgresql.url) as database:
        with pytest.raises(expected):
            async with database.write() as session:
                await session.execute(statement)
