"""Replicas with different clocks. They run on different machines, so they share PostgreSQL and Redis."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.main import create_app
from app.settings import Settings
from app.storage.database import Database
from app.storage.jobs import JobRepository
from tests.integration.running import connected

pytestmark = [pytest.mark.services, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

HOUR = timedelta(hours=1)


def ahead(by: timedelta) -> time_machine.travel:
    """A context in which the clock of this process is ahead; the monotonic clock does not change."""
    return time_machine.travel(datetime.now(UTC) + by)


async def test_later_rating_on_a_replica_with_a_slower_clock_wins(settings: Settings) -> None:
    async with connected(create_app(settings)) as fast, connected(create_app(settings)) as right:
        with ahead(HOUR):
            await fast.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})
        answer = await right.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 1}]})

    assert [rating["rating"] for rating in answer.json()["ratings"]] == [1]


@pytest.mark.parametrize(("worker", "other"), [(-HOUR, 0 * HOUR), (0 * HOUR, HOUR)])
async def test_worker_with_a_wrong_clock_keeps_its_job(database: Database, worker: timedelta, other: timedelta) -> None:
    async with database.write() as session:
        await JobRepository(session).add(kind="test", parameters={})
    with ahead(worker):
        async with database.write() as session:
            claimed = await JobRepository(session).claim_next()
            assert claimed is not None
            assert await JobRepository(session).beat(claimed, 0.5)
    with ahead(other):
        async with database.write() as session:
            taken = await JobRepository(session).take_back(silent_for=timedelta(minutes=1), attempts=3, reason="")

    assert taken == ([], [])


async def test_rate_limit_of_replicas_with_different_clocks_is_shared(settings: Settings, redis_url: str) -> None:
    limited = Settings(**settings.model_dump() | {"redis_url": redis_url, "rate_limit": "3/minute"})
    async with connected(create_app(limited)) as fast, connected(create_app(limited)) as right:
        with ahead(HOUR):
            former = [(await fast.get("/v1/items")).status_code for _ in range(2)]
        statuses = [(await right.get("/v1/items")).status_code for _ in range(2)]

    assert [*former, *statuses] == [200, 200, 200, 429]
