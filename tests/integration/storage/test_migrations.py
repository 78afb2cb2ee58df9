import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

import migrations
from app.storage.database import Database, open_database
from app.storage.migrate import upgrade
from app.storage.tables import Base, CurrentVersions


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_again_changes_nothing(database: Database) -> None:
    await upgrade(database)

    async with database.read() as session:
        assert len((await session.scalars(select(CurrentVersions))).all()) == 1


async def test_replicas_may_upgrade_together(database_url: str) -> None:
    async with open_database(database_url) as database, database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.exec_driver_sql("DROP TABLE alembic_version")

    async def start() -> None:
        async with open_database(database_url) as own:
            await upgrade(own)

    await asyncio.gather(*(start() for _ in range(5)))

    async with open_database(database_url) as database, database.read() as session:
        assert len((await session.scalars(select(CurrentVersions))).all()) == 1


async def test_a_release_that_is_rolled_back_to_leaves_later_tables_alone(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("ALTER TABLE users ADD COLUMN of_a_later_release VARCHAR(8)"))
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    try:
        await upgrade(database)

        async with database.read() as session:
            assert await session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
            assert await session.scalar(text("SELECT count(of_a_later_release) FROM users")) == 0
    finally:
        async with database.write() as session:
            await session.execute(text("ALTER TABLE users DROP COLUMN of_a_later_release"))
            head = ScriptDirectory(str(Path(migrations.__path__[0]))).get_current_head()
            await session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})
