"""Alembic's environment.

The service hands over its own connection (`app.storage.migrate`); the `alembic` command opens one to the
database of the settings.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection

from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import Base


def run_migrations(connection: Connection) -> None:
    """Run the revisions within the connection's transaction."""
    # SQLite cannot alter a constraint in place; batch mode copies the table instead.
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_migrations_from_settings() -> None:
    """Connect to the database of the settings and run the revisions."""
    database = Database(Settings().database_url.get_secret_value())
    try:
        async with database.write() as session:
            await (await session.connection()).run_sync(run_migrations)
    finally:
        await database.close()


connection = context.config.attributes.get("connection")
if connection is None:
    asyncio.run(run_migrations_from_settings())
else:
    run_migrations(connection)
