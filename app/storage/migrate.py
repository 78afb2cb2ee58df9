"""Migrates a database to the tables of this release."""

import logging
from importlib.resources import as_file, files

from sqlalchemy import Connection, text

from app.storage.database import Database

logger = logging.getLogger(__name__)

_ADVISORY_LOCK = 0x636F6C64  # any number, as long as nothing else in the database uses it


async def upgrade(database: Database) -> None:
    """Run the missing migrations, all or none of them.

    Replicas that start together take turns, and only the first migrates. A database that a later release has migrated
    is left as it is (docs/decisions/0016-running-it.md).

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
    """
    async with database.write() as session:
        connection = await session.connection()
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    # Alembic is needed once, at the start, and brings Mako and Pygments along.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    with as_file(files("migrations")) as directory:
        config = Config()
        config.set_main_option("script_location", str(directory))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            logger.warning("The database has the tables of a later release (%s); they are left as they are.", current)
            return
        command.upgrade(config, "head")
