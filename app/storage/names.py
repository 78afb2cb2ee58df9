"""Names in the database, for completions. SQLAlchemy is not used here: to import it takes longer than a user waits."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

_SECONDS = 1.0
"""The longest wait for a database. One that is not there must not block a terminal."""

_MODEL_VERSIONS = "SELECT id FROM model_versions ORDER BY registered_at DESC"
_API_KEYS = "SELECT name FROM api_keys WHERE revoked_at IS NULL ORDER BY name"


def model_version_ids(url: str) -> list[str]:
    """The ids of the registered versions, last registered first; the errors are those of the driver."""
    return _first_column(url, _MODEL_VERSIONS)


def api_key_names(url: str) -> list[str]:
    """The names of the keys that are not revoked; the errors are those of the driver."""
    return _first_column(url, _API_KEYS)


def _first_column(url: str, query: str) -> list[str]:
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):
        path = Path(rest.removeprefix("/")).absolute()
        # Read-only, so that no file is made.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_SECONDS)) as database:
            return [name for (name,) in database.execute(query)]
    return asyncio.run(_from_postgresql(f"postgresql://{rest}", query))


async def _from_postgresql(url: str, query: str) -> list[str]:
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - SQLite does not need it

    async with asyncio.timeout(_SECONDS):
        connection = await asyncpg.connect(url)
        try:
            return [name for (name,) in await connection.fetch(query)]
        finally:
            await connection.close()
