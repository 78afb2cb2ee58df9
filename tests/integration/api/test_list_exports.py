"""List exports over the API: lists for all users as a job."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from sqlalchemy import update

from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import Job
from tests.integration.running import do_next_job

EXPORTS = "/v1/list-exports"


async def rate(client: httpx.AsyncClient) -> None:
    """Two users with opposite tastes."""
    for user_id, liked in (("ada", 1), ("bob", 0)):
        ratings = [{"item_id": f"i{item}", "rating": 5 if item % 2 == liked else 1} for item in range(6)]
        answer = await client.post(f"/v1/users/{user_id}/ratings", json={"ratings": ratings})
        assert answer.is_success, answer.text


async def started(client: httpx.AsyncClient, **body: object) -> str:
    answer = await client.post(EXPORTS, json=body)
    assert answer.status_code == 202, answer.text
    location: str = answer.headers["location"]
    assert location == f"{EXPORTS}/{answer.json()['list_export_id']}"
    return location


async def test_job_writes_the_list_of_every_user_to_a_file(client: httpx.AsyncClient, settings: Settings) -> None:
    await rate(client)
    await client.post(
        "/v1/events",
        json={
            "events": [
                {
                    "event_id": "e1",
                    "type": "dismissed",
                    "user_id": "ada",
                    "item_id": "i7",
                    "model_version": (await client.get("/v1/schema")).json()["model_version"],
                }
            ]
        },
    )
    location = await started(client, n=4)
    waiting = await client.get(f"{location}/file")

    await asyncio.to_thread(do_next_job, settings)

    assert waiting.status_code == 409
    job: dict[str, Any] = (await client.get(location)).json()
    file = await client.get(f"{location}/file")
    assert (job["status"], job["progress"]) == ("succeeded", 1.0)
    assert job["report"] == {"users": 2, "rows": 8, "bytes": len(file.content)}
    lists = pl.read_parquet(io.BytesIO(file.content))
    for user_id in ("ada", "bob"):
        asked = (await client.get(f"/v1/users/{user_id}/recommendations", params={"n": 4})).json()["items"]
        rows = lists.filter(pl.col("user_id") == user_id)
        assert rows["item_id"].to_list() == [item["item_id"] for item in asked]
        assert rows["choice_probability"].to_list() == pytest.approx([item["choice_probability"] for item in asked])
    assert "i7" not in lists.filter(pl.col("user_id") == "ada")["item_id"]
    assert (await client.get(EXPORTS)).json()["items"] == [job]


async def test_workers_delete_files_after_the_retention(
    client: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    location = await started(client)
    await asyncio.to_thread(do_next_job, settings)
    runner = JobRunner(settings, database)
    await runner.tidy()
    kept = await client.get(f"{location}/file")

    async with database.write() as session:
        await session.execute(update(Job).values(finished_at=datetime.now(UTC) - timedelta(days=8)))
    await runner.tidy()

    assert kept.status_code == 200
    gone = await client.get(f"{location}/file")
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:coldstart:problem:list-export-file-gone"
    assert list((settings.state_dir / "list-exports").iterdir()) == []


async def test_cancelled_and_wrong_list_exports(client: httpx.AsyncClient) -> None:
    location = await started(client)
    assert (await client.delete(location)).json()["status"] == "cancelled"
    assert (await client.get(f"{location}/file")).status_code == 409

    assert (await client.get(f"{EXPORTS}/nothing")).status_code == 404
    for body, field in (({"n": 0}, "n"), ({"filter": {"colour": ["red"]}}, "filter.colour")):
        answer = await client.post(EXPORTS, json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
