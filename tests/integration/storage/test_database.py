import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import DatabaseUnavailableError, UserNotFoundError
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database, DatabaseURLError, open_database
from app.storage.tables import CurrentVersions, User
from app.storage.users import UserRepository


def user(user_id: str, created_at: datetime) -> User:
    return User(id=user_id, attributes={}, revision="", created_at=created_at)


async def test_sqlite_connection_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/new/x.db") as database, database.read() as session:
        pragmas = {
            name: (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_stored_time_in_another_zone_is_read_in_utc(database: Database) -> None:
    noon_in_tokyo = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=9)))
    async with database.write() as session:
        session.add(user("ada", noon_in_tokyo))

    async with database.read() as session:
        created_at = (await session.scalars(select(User.created_at))).one()

    assert created_at == noon_in_tokyo
    assert created_at.tzinfo is UTC


async def test_stored_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with database.write() as session:
            session.add(user("ada", datetime(2026, 1, 1)))  # noqa: DTZ001 - the missing zone is tested


async def test_write_block_with_an_error_stores_nothing(database: Database) -> None:
    async def fail_halfway() -> None:
        async with database.write() as session:
            await UserRepository(session).save({"ada": {}})
            raise UserNotFoundError("ada")

    with pytest.raises(UserNotFoundError):
        await fail_halfway()

    async with database.read() as session:
        assert await UserRepository(session).get("ada") is None


async def test_write_transactions_that_read_first_run_one_after_the_other(database_url: str) -> None:
    async def add_one() -> None:
        async with open_database(database_url) as database:
            for _ in range(10):
                async with database.write() as session:
                    await session.execute(select(CurrentVersions.catalogue).with_for_update())
                    await CurrentVersionsRepository(session).next_catalogue()

    await asyncio.gather(*(add_one() for _ in range(8)))

    async with open_database(database_url) as database, database.read() as session:
        assert (await CurrentVersionsRepository(session).current()).catalogue == 80


async def test_snapshot_during_writes_does_not_change_or_block(database: Database) -> None:
    async def users(session: AsyncSession) -> int:
        return (await session.execute(select(func.count()).select_from(User))).scalar_one()

    async with database.snapshot() as snapshot:
        assert await users(snapshot) == 0
        async with asyncio.timeout(10), database.write() as session:
            await UserRepository(session).save({"ada": {}})
        assert await users(snapshot) == 0

    async with database.snapshot() as later:
        assert await users(later) == 1
    async with database.write() as session:
        await UserRepository(session).save({"bob": {}})  # the connection can write again


async def test_snapshot_query_is_streamed_in_batches(database: Database) -> None:
    async with database.write() as session:
        await UserRepository(session).save({f"user{number}": {} for number in range(50)})

    async with database.snapshot() as snapshot:
        result = await snapshot.stream(select(User.id), execution_options={"yield_per": 20})
        sizes = [len(batch) async for batch in result.partitions()]

    assert sizes == [20, 20, 10]


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1:1/x", "sqlite:////proc/nothing/x.db"])
async def test_unreachable_database_raises_an_unavailable_error(url: str) -> None:
    with pytest.raises((DatabaseUnavailableError, DatabaseURLError)):
        async with open_database(url) as database, database.read() as session:
            await session.execute(text("SELECT 1"))


@pytest.mark.parametrize("url", ["mysql://u:hunter2@host/x", "nonsense:hunter2", "sqlite://"])
def test_database_of_another_kind_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(DatabaseURLError, match=r"^COLDSTART_DATABASE_URL: (?!.*hunter2)"):
        Database(url)


async def test_look_up_sees_what_others_have_committed(database: Database, database_url: str) -> None:
    async with database.look_up() as session:
        assert await UserRepository(session).get("ada") is None

    async with open_database(database_url) as other, other.write() as session:
        await UserRepository(session).save({"ada": {"country": "fr"}})

    async with database.look_up() as session:
        assert (await UserRepository(session).states(["ada"]))["ada"].attributes == {"country": "fr"}


async def test_look_up_in_sqlite_needs_no_thread(migrated_sqlite: Path) -> None:
    before = threading.active_count()
    async with open_database(f"sqlite:///{migrated_sqlite}") as database, database.look_up() as session:
        await CurrentVersionsRepository(session).current()
        assert threading.active_count() == before


async def test_look_up_in_sqlite_when_a_statement_fails_raises_its_error(migrated_sqlite: Path) -> None:
    async with open_database(f"sqlite:///{migrated_sqlite}") as database:
        with pytest.raises(DatabaseUnavailableError):
            async with database.look_up() as session:
                await session.execute(text("SELECT * FROM nothing"))
        async with database.look_up() as session:
            await CurrentVersionsRepository(session).current()
