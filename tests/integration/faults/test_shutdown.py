"""A server that gets SIGTERM while it is busy. `tests/integration/test_durability.py` has SIGKILL."""

import asyncio
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from app.settings import Settings
from app.storage.database import open_database
from app.storage.tables import Rating
from tests.integration.faults.load import load
from tests.integration.running import server


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because the shutdown does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


async def rated_users(url: str) -> set[str]:
    async with open_database(url) as database, database.read() as session:
        return set(await session.scalars(select(Rating.user_id)))


def test_terminated_server_answers_every_accepted_request(settings: Settings) -> None:
    with server(settings) as (process, address), load(address) as clients:
        clients.until(lambda: clients.statuses[200] >= 200)
        process.terminate()
        clients.join()
        process.join()
        assert process.exitcode == -signal.SIGTERM  # the exit code of uvicorn after a clean shutdown

    assert set(clients.statuses) == {200}
    stored = asyncio.run(rated_users(settings.database_url.get_secret_value()))
    assert stored == clients.acknowledged
