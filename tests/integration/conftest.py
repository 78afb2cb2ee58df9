"""A real database, a real Redis and the whole application, all of them empty for every test.

Where PostgreSQL or Redis does not run, its tests are skipped, unless COLDSTART_REQUIRE_SERVICES=1.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import httpx
import pytest
import redis
from redis.exceptions import RedisError

from app.main import create_app
from app.services import model_host, model_refresh
from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.migrate import upgrade
from app.storage.tables import Base
from tests.integration.running import connected, missing

POSTGRESQL_URL = os.environ.get("COLDSTART_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432")
REDIS_URL = os.environ.get("COLDSTART_TEST_REDIS_URL", "redis://127.0.0.1:6379")


@contextmanager
def new_database(name: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, which is dropped when the block ends."""

    async def administer(*statements: str) -> None:
        connection = await asyncpg.connect(f"{POSTGRESQL_URL}/postgres")
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    try:
        asyncio.run(administer(f"CREATE DATABASE {name}"))
    except OSError as error:
        missing("PostgreSQL", error)
    url = f"{POSTGRESQL_URL}/{name}"
    asyncio.run(_with_database(url, upgrade))
    yield url
    asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def postgresql_url(worker_id: str) -> Iterator[str]:
    """A migrated database that only this test process uses."""
    with new_database(f"coldstart_test_{worker_id}_{os.getpid()}") as url:
        yield url


@pytest.fixture(scope="module")
def other_postgresql_url(worker_id: str) -> Iterator[str]:
    """A migrated database that no other test empties, for processes that run as long as a module's tests."""
    with new_database(f"coldstart_test_other_{worker_id}_{os.getpid()}") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy, because the migrations take longer than most tests."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(_with_database(f"sqlite:///{file}", upgrade))
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; a test that uses it runs once on SQLite and once on PostgreSQL."""
    return empty_database(request.param, request, tmp_path)


def empty_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, "sqlite" or "postgresql"."""
    if kind == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "coldstart.db")
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("postgresql_url")
    asyncio.run(_empty(url))
    return url


async def _with_database(url: str, do: Callable[[Database], Awaitable[None]]) -> None:
    async with open_database(url) as database:
        await do(database)


async def _empty(url: str) -> None:
    """Empty all tables of a PostgreSQL database in one message, because most tests do it first."""
    statements = [str(table.delete()) for table in reversed(Base.metadata.sorted_tables)]
    statements.append("INSERT INTO current_versions (id, catalogue, popularity, activation) VALUES (1, 0, 0, 0)")
    connection = await asyncpg.connect(url)
    await connection.execute("; ".join(statements))
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Connections to the empty database."""
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
def redis_url(worker_id: str) -> Iterator[str]:
    """An empty Redis database that only this test process uses."""
    number = 15 - int(worker_id.removeprefix("gw").removeprefix("master") or 0) % 16
    url = f"{REDIS_URL}/{number}"
    with redis.Redis.from_url(url) as connection:
        try:
            connection.flushdb()
        except RedisError as error:
            missing("Redis", error)
        yield url
        connection.flushdb()


@pytest.fixture(autouse=True)
def _frequent_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application in this process polls several times a second, so that no test has to wait for it."""
    monkeypatch.setattr(model_refresh, "_POLL_SECONDS", 0.1)
    monkeypatch.setattr(model_host, "RETRY_SECONDS", 0.5)


@pytest.fixture
def settings(database_url: str, model_dir: Path, tmp_path: Path) -> Settings:
    """Serve the tiny model, without a worker."""
    return Settings(
        state_dir=tmp_path / "state",
        database_url=database_url,
        redis_url=None,
        model_dir=model_dir,
        data_dir=None,
        run_worker=False,
        popularity_seconds=3600,  # so that the counts change only in the tests of popularity
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, which serves the tiny model over its 40 items i0 … i39."""
    async with connected(create_app(settings)) as client:
        yield client
