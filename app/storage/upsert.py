"""INSERT … ON CONFLICT for both databases."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base


def dialect_of(session: AsyncSession) -> str:
    """The name of the dialect that a session speaks."""
    return session.get_bind().dialect.name


def insert(dialect: str, table: type[Base] | Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of a dialect, which knows `on_conflict_do_update` and `…_do_nothing`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
