"""Migrations: of an empty database, of every older version with data, and by several processes at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, TableClause, column, inspect, select, table, text

from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.migrate import upgrade
from app.storage.tables import Base, CurrentVersions
from tests.integration.running import ROOT, process

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def test_upgrade_creates_the_tables_of_the_code(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrade_again_changes_nothing(database: Database) -> None:
    await upgrade(database)

    async with database.read() as session:
        assert len((await session.scalars(select(CurrentVersions))).all()) == 1


@pytest.fixture
async def blank(database_url: str) -> AsyncIterator[Database]:
    """The database without tables; it is migrated again at the end, because other tests use it."""
    async with open_database(database_url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(drop_everything)
        yield database
        await upgrade(database)


def drop_everything(connection: Connection) -> None:
    everything = MetaData()
    everything.reflect(connection)
    everything.drop_all(connection)


PROCESSES = 4
MIGRATE = """
import asyncio
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade

async def migrate():
    async with open_database(Settings().database_url.get_secret_value()) as database:
        await upgrade(database)

asyncio.run(migrate())
"""
"""The migration that `coldstart migrate` and every server run."""


async def upgrade_to(database: Database, revision: str) -> None:
    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with database.engine.begin() as connection:
        await connection.run_sync(run)


def revisions() -> list[str]:
    """All revisions, the first one first."""
    script = ScriptDirectory(str(ROOT / "migrations"))
    return [script_revision.revision for script_revision in reversed(list(script.walk_revisions()))]


# One row of each table, with the columns of the migration that creates it. Later tables refer to earlier ones.
ROWS: dict[str, dict[str, object]] = {
    "users": {"id": "ada", "attributes": {"age": 36}, "revision": "r", "created_at": NOON},
    "items": {
        "id": "i1",
        "title": "Straße",
        "folded_title": "strasse",
        "attributes": {},
        "version": 7,
        "deleted": False,
    },
    "ratings": {"user_id": "ada", "item_id": "i1", "rating": 4.5, "rated_at": NOON},
    "model_versions": {
        "id": "m",
        "path": "/models/m",
        "manifest": {},
        "created_at": NOON,
        "registered_at": NOON,
        "activated_at": None,
    },
    "jobs": {
        "id": "j",
        "kind": "evaluation",
        "status": "succeeded",
        "progress": 1.0,
        "parameters": {},
        "report": None,
        "error": None,
        "created_at": NOON,
        "started_at": NOON,
        "heartbeat_at": NOON,
        "finished_at": NOON,
    },
    "skips": {"user_id": "ada", "item_id": "i1", "skipped_at": NOON},
    "answers": {
        "user_id": "ada",
        "question_id": "pair-1",
        "kind": "pair",
        "item_ids": ["i1", "i2"],
        "field": None,
        "value": None,
        "rating": None,
        "preferred": "i1",
        "answered_at": NOON,
    },
    "interactions": {"user_id": "ada", "event_id": "e", "item_id": "i1", "kind": "view", "occurred_at": NOON},
    "api_keys": {
        "name": "shop",
        "scope": "read",
        "digest": "d",
        "created_at": NOON,
        "last_used_at": None,
        "revoked_at": None,
    },
    "events": {
        "id": "e",
        "type": "rated",
        "model_version": "m",
        "user_id": "ada",
        "item_id": "i1",
        "rating": 4.5,
        "occurred_at": NOON,
    },
    "predicted_ratings": {
        "model_version": "m",
        "user_id": "ada",
        "item_id": "i1",
        "rating": 4.5,
        "predicted": 4.0,
        "rated_at": NOON,
    },
    "item_popularity": {"model_version": "m", "item_id": "i1", "rating_count": 3, "rating_mean": 4.5, "version": 1},
}
SERVED = {"id": 1, "catalogue": 7, "activation": 2, "model_version": "m"}


def columns_of(name: str, row: dict[str, object]) -> TableClause:
    """The table with only the columns of its row, because columns of later migrations may not exist yet."""
    types = Base.metadata.tables[name].c
    return table(name, *(column(key, types[key].type) for key in row))


def fill(connection: Connection, filled: set[str]) -> set[str]:
    """Insert the rows of tables that are new. Returns the names of all filled tables."""
    there = ROWS.keys() & set(inspect(connection).get_table_names())
    for name, row in ROWS.items():
        if name in there - filled:
            connection.execute(columns_of(name, row).insert(), row)
    if not filled:
        connection.execute(columns_of("current_versions", SERVED).update(), SERVED)
    return there


def kept(connection: Connection, filled: set[str]) -> dict[str, dict[str, object]]:
    """The rows of the filled tables and the current versions."""
    rows = {name: ROWS[name] for name in filled} | {"current_versions": SERVED}
    return {
        name: dict(connection.execute(select(*columns_of(name, row).c)).mappings().one()) for name, row in rows.items()
    }


async def test_upgrade_folds_the_titles_of_stored_items_for_searches(blank: Database) -> None:
    await upgrade_to(blank, "0008")
    titles = {f"i{place:04}": "Amélie" for place in range(1001)} | {"untitled-1": None}
    rows = [{**ROWS["items"], "id": id_, "title": title, "folded_title": title} for id_, title in titles.items()]
    async with blank.engine.begin() as connection:
        await connection.execute(columns_of("items", ROWS["items"]).insert(), rows)

    await upgrade_to(blank, "0009")

    async with blank.engine.connect() as connection:
        folded = set(await connection.scalars(text("SELECT folded_title FROM items")))
    assert folded == {"amelie", "untitled 1 untitled1"}


async def test_upgrade_through_every_migration_keeps_the_data(blank: Database) -> None:
    filled: set[str] = set()
    for revision in revisions():
        await upgrade_to(blank, revision)
        async with blank.engine.begin() as connection:
            if filled:
                expected = {name: ROWS[name] for name in filled} | {"current_versions": SERVED}
                assert await connection.run_sync(kept, filled) == expected, revision
            filled = await connection.run_sync(fill, filled)

    assert filled == ROWS.keys()
    async with blank.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("start", [None, "0001"])
async def test_upgrade_by_several_processes_migrates_once(
    blank: Database, database_url: str, start: str | None
) -> None:
    filled: set[str] = set()
    if start is not None:
        await upgrade_to(blank, start)
        async with blank.engine.begin() as connection:
            filled = await connection.run_sync(fill, filled)

    with ExitStack() as stack:
        together = [
            stack.enter_context(process(Settings(database_url=database_url), MIGRATE)) for _ in range(PROCESSES)
        ]
        for one in together:
            await asyncio.to_thread(one.join)
        assert [one.exitcode for one in together] == [0] * PROCESSES

    async with open_database(database_url) as database, database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        if start is not None:
            expected = {name: ROWS[name] for name in filled} | {"current_versions": SERVED}
            assert await connection.run_sync(kept, filled) == expected


async def test_upgrade_of_a_later_releases_database_changes_nothing(database: Database) -> None:
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
            head = revisions()[-1]
            await session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})
