import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select

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
