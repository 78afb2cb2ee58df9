"""The backup and restore commands of docs/operations.md restore everything that was stored at the backup."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.conftest import POSTGRESQL_URL
from tests.integration.running import ROOT, connected

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def documented(heading: str) -> list[str]:
    """The commands below a heading: the first to back up, the second to restore."""
    section = OPERATIONS.split(f"\n### {heading}\n")[1].split("\n##")[0]
    return re.findall(r"```sh\n(.+?)```", section, re.DOTALL)


def run(script: str, **variables: str) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["/bin/bash", "-euo", "pipefail", "-c", script], check=True, env={"PATH": path} | variables)


async def write_something(client: httpx.AsyncClient) -> None:
    """Write rows to most of the tables."""
    body = {"ratings": [{"item_id": f"i{number}", "rating": 1 + number % 5} for number in range(20)]}
    (await client.post("/v1/users/ada/ratings", json=body | {"attributes": {"country": "fr"}})).raise_for_status()
    (await client.post("/v1/users/ada/skips", json={"item_ids": ["i30"]})).raise_for_status()
    bought = {"interactions": [{"item_id": "i29", "kind": "purchase", "event_id": "order-1"}]}
    (await client.post("/v1/users/ada/interactions", json=bought)).raise_for_status()
    (await client.put("/v1/items/new", json={"title": "Film new"})).raise_for_status()
    (await client.delete("/v1/items/i31")).raise_for_status()


async def state(client: httpx.AsyncClient) -> list[object]:
    """The answers that show what is stored, and recommendations computed from it."""
    paths = (
        "/v1/users/ada",
        "/v1/users/ada/ratings",
        "/v1/users/ada/skips",
        "/v1/users/ada/interactions",
        "/v1/users/ada/recommendations",
        "/v1/items?limit=500",
        "/v1/model-versions",
    )
    answers = [(await client.get(path)).raise_for_status().text for path in paths]
    # A changed catalogue has another order of rows than a freshly read one, so the last digits may differ.
    return [json.loads(answer, parse_float=lambda digits: round(float(digits), 5)) for answer in answers]


@pytest.fixture
def empty_postgresql_url(worker_id: str) -> Iterator[str]:
    """A database without tables."""
    name = f"coldstart_restored_{worker_id}_{os.getpid()}"

    async def administer(statement: str) -> None:
        connection = await asyncpg.connect(f"{POSTGRESQL_URL}/postgres")
        await connection.execute(statement)
        await connection.close()

    asyncio.run(administer(f"CREATE DATABASE {name}"))
    yield f"{POSTGRESQL_URL}/{name}"
    asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.mark.services
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_documented_backup_of_postgresql_restores_everything(
    settings: Settings, database_url: str, empty_postgresql_url: str, tmp_path: Path
) -> None:
    backup, restore, _ = documented("PostgreSQL")
    file = str(tmp_path / "backup.dump")
    async with connected(create_app(settings)) as client:
        await write_something(client)
        before = await state(client)
        await asyncio.to_thread(run, backup, DATABASE=database_url, BACKUP=file)
        await client.delete("/v1/users/ada")

    run(restore, EMPTY=empty_postgresql_url, BACKUP=file)

    restored = Settings(**settings.model_dump() | {"database_url": empty_postgresql_url, "model_dir": None})
    async with connected(create_app(restored)) as client:
        assert await state(client) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_documented_backup_of_sqlite_restores_everything(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    backup, restore = documented("SQLite")
    file, database = str(tmp_path / "backup.db"), database_url.removeprefix("sqlite:///")
    async with connected(create_app(settings)) as client:
        await write_something(client)
        before = await state(client)
        await asyncio.to_thread(run, backup, DATABASE=database, BACKUP=file)
        await client.delete("/v1/users/ada")

    run(restore, DATABASE=database, BACKUP=file)

    async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as client:
        assert await state(client) == before
