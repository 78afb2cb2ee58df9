"""Connections and sessions, for SQLite and PostgreSQL alike."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.errors import DatabaseUnavailableError
from app.storage.sqlite_in_loop import connect_in_loop

logger = logging.getLogger(__name__)

_ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_LOCK_TIMEOUT_SECONDS = 30
_LOOKUP_TIMEOUT_SECONDS = 1
"""Readers wait only while SQLite recovers a database after a crash, and all requests wait with them."""

_WITHOUT_TRANSACTIONS: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
"""For reading: to begin and to end a transaction around a statement costs as much again as the statement."""

_SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_SQLITE_SNAPSHOT: dict[str, Any] = {"sqlite_begin": "BEGIN DEFERRED"}
"""A deferred transaction takes no lock, and in WAL mode it reads one state throughout."""

_FAILURES = (
    sqlalchemy_errors.OperationalError,
    sqlalchemy_errors.InterfaceError,
    sqlalchemy_errors.TimeoutError,
    OSError,
)

_OUTAGES = ("08", "25006", "53", "57P", "58")
"""What SQLSTATE begins with if PostgreSQL is at fault and not the statement: connection lost, a standby that takes no
writes, disk full or no connection left, shutting down or starting up, disk or system failing."""


class DatabaseURLError(ValueError):
    """The URL is not one of a usable database. The message does not repeat it, because it may hold a password."""


class Database:
    """A database and its connections; made and closed within one event loop.

    Args:
        url: Of SQLAlchemy, with or without the driver's name.

    Raises:
        DatabaseURLError: If the URL is not one of SQLite or PostgreSQL, or the directory of the file cannot be made.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        if parsed.get_backend_name() == "sqlite":
            self.engine, self._reading_engine = _sqlite_engine(parsed), _sqlite_engine(parsed, **_WITHOUT_TRANSACTIONS)
            self._lookup_engine = _sqlite_engine(parsed, in_loop=True, **_WITHOUT_TRANSACTIONS)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            # SQLite has one writer. Waiting for it here is fair; waiting inside SQLite is a lottery of polls.
            self._writing: AbstractAsyncContextManager[None] | asyncio.Lock = asyncio.Lock()
            self._snapshot_options = _SQLITE_SNAPSHOT
        else:
            self.engine = _postgresql_engine(parsed)
            self._reading_engine = self._lookup_engine = _postgresql_engine(parsed, **_WITHOUT_TRANSACTIONS)
            self._writing = nullcontext()
            self._snapshot_options = _SNAPSHOT
        self._read_sessions = async_sessionmaker(self._reading_engine, expire_on_commit=False)
        self._lookup_sessions = async_sessionmaker(self._lookup_engine, expire_on_commit=False)
        self._write_sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading. Every statement sees what was committed when it began.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        with _unavailable():
            async with self._read_sessions() as session:
                yield session

    @asynccontextmanager
    async def look_up(self) -> AsyncIterator[AsyncSession]:
        """A session as from `read`, for a few rows by their keys: on SQLite, all requests wait while it reads.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        with _unavailable():
            async with self._lookup_sessions() as session:
                yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A session for reading much: all statements see the state of the first one, while others go on writing.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        with _unavailable():
            async with self._write_sessions() as session:
                await session.connection(execution_options=self._snapshot_options)
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed, and durable, when the block ends; undone if it raises.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        with _unavailable():
            async with self._writing, self._write_sessions.begin() as session:
                yield session

    async def close(self) -> None:
        """Close all connections."""
        await self._lookup_engine.dispose()
        await self._reading_engine.dispose()
        await self.engine.dispose()


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """A database that is closed when the block ends."""
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


_FORMS = "use sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE"


async def require_usable(url: str) -> None:
    """Connect to a database once, in order to tell what is wrong with a setting.

    Raises:
        DatabaseURLError: If the URL is wrong, or the database cannot be reached or refuses the connection.
    """
    async with open_database(url) as database:
        try:
            if database.engine.dialect.name == "sqlite":
                # Not through the engine: a thread of aiosqlite whose connection fails outlives the event loop.
                with closing(sqlite3.connect(str(database.engine.url.database))) as file:
                    file.execute("PRAGMA schema_version")
            else:
                async with database.engine.connect():
                    pass
        except Exception as error:  # the drivers have their own errors, and SQLAlchemy wraps only some
            reason = " ".join(str(getattr(error, "orig", None) or error or type(error).__name__).split()).rstrip(".")
            raise DatabaseURLError(
                f"the database of COLDSTART_DATABASE_URL cannot be used ({reason}): correct the setting, or see that "
                "the database runs and may be read and written"
            ) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (sqlalchemy_errors.ArgumentError, ValueError):
        raise DatabaseURLError(f"COLDSTART_DATABASE_URL: cannot be read: {_FORMS}") from None
    try:
        return parsed.set(drivername=_ASYNC_DRIVERS[parsed.get_backend_name()])
    except KeyError:
        raise DatabaseURLError(
            f"COLDSTART_DATABASE_URL: {parsed.get_backend_name()} is not supported: {_FORMS}"
        ) from None


def _postgresql_engine(url: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's
    return create_async_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True, **options)


def _sqlite_engine(url: URL, *, in_loop: bool = False, **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's
    if not url.database or url.database == ":memory:":
        raise DatabaseURLError(
            "COLDSTART_DATABASE_URL: SQLite needs a file: a database in memory is not shared by connections"
        )
    directory = Path(url.database).parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseURLError(
            f"COLDSTART_DATABASE_URL: the directory {directory} cannot be made: {error.strerror}"
        ) from error
    connecting: dict[str, Any] = {"timeout": _LOCK_TIMEOUT_SECONDS}
    if in_loop:
        connecting = {"timeout": _LOOKUP_TIMEOUT_SECONDS, "async_creator_fn": connect_in_loop}
    engine = create_async_engine(url, connect_args=connecting, hide_parameters=True, **options)
    event.listen(engine.sync_engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    # The driver itself would begin a transaction only at its first write; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit is on the disk before it is acknowledged
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another has written in between, without
    # waiting. Writers therefore take the write lock at their start.
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (*_FAILURES, sqlalchemy_errors.DBAPIError) as error:
        if not isinstance(error, _FAILURES) and not _is_outage(error):
            raise
        # What the driver says, without SQLAlchemy's words around it: they hold the statement and its parameters.
        logger.error("The database failed: %s", getattr(error, "orig", None) or type(error).__name__)
        raise DatabaseUnavailableError from error


def _is_outage(error: sqlalchemy_errors.DBAPIError) -> bool:
    """Whether PostgreSQL could not do what it was asked for; asyncpg's classes do not tell such errors from others."""
    return error.connection_invalidated or str(getattr(error.orig, "sqlstate", "")).startswith(_OUTAGES)
