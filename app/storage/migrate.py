"""Brings a database to the tables of this version of the service."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from app.storage.database import Database

_ADVISORY_LOCK = 0x636F6C64  # any number, as long as nothing else in the database uses it


async def upgrade(database: Database) -> None:
    """Run the migrations that the database lacks, all or none of them.

    Replicas may start together: they take turns, and the later ones find nothing left to do.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
    """
    async with database.write() as session:
        connection = await session.connection()
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    with as_file(files("migrations")) as directory:
        config = Config()
        config.set_main_option("script_location", str(directory))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
