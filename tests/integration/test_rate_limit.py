"""The rate limit, in one process and shared by servers over a real Redis."""

import logging
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from app.main import create_app
from app.services.api_keys import APIKeyService
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade
from app.storage.tables import KeyScope
from tests.integration.running import connected


@pytest.fixture
def limited(tmp_path: Path) -> Settings:
    """Three requests an hour, counted in each process."""
    return Settings(
        state_dir=tmp_path, redis_url=None, model_dir=None, run_worker=False, allow_anonymous=True, rate_limit="3/hour"
    )


async def statuses(client: httpx.AsyncClient, requests: int, **headers: str) -> list[int]:
    return [(await client.get("/v1/items", headers=headers)).status_code for _ in range(requests)]


async def test_request_above_the_limit_is_refused_with_429(limited: Settings) -> None:
    async with connected(create_app(limited)) as client:
        assert await statuses(client, 3) == [200, 200, 200]
        answer = await client.get("/v1/items")
        health = await client.get("/health/live")

    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:coldstart:problem:rate-limited"
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert health.status_code == 200


async def test_rate_limit_of_two_keys_is_counted_separately(limited: Settings) -> None:
    async with open_database(limited.database_url.get_secret_value()) as database:
        await upgrade(database)
        keys = APIKeyService(database, required=True)
        one, other = [await keys.create(name, KeyScope.READ) for name in ("one", "other")]

    async with connected(create_app(limited.model_copy(update={"allow_anonymous": False}))) as client:
        assert await statuses(client, 4, **{"X-API-Key": one}) == [200, 200, 200, 429]
        assert await statuses(client, 4, **{"X-API-Key": other}) == [200, 200, 200, 429]


@pytest.mark.services
async def test_rate_limit_of_two_servers_with_redis_is_shared(limited: Settings, redis_url: str) -> None:
    shared = Settings(**limited.model_dump(exclude={"redis_url"}), redis_url=redis_url)
    async with connected(create_app(shared)) as one, connected(create_app(shared)) as other:
        assert await statuses(one, 2) == [200, 200]
        assert await statuses(other, 2) == [200, 429]
        assert await statuses(one, 1) == [429]


async def test_rate_limit_without_redis_is_per_process_and_logged_once(
    limited: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    unreachable = Settings(**limited.model_dump(exclude={"redis_url"}), redis_url="redis://:hunter2@127.0.0.1:1")
    async with connected(create_app(unreachable)) as client:
        with caplog.at_level(logging.INFO, logger="app"):
            assert await statuses(client, 4) == [200, 200, 200, 429]

    assert [record.message for record in caplog.records if "counts" in record.message] == [
        "Redis fails (ConnectionError); each process counts requests for itself."
    ]


def test_rate_limit_setting_that_is_no_rate_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be a rate such as 600/minute"):
        Settings(rate_limit="many")
