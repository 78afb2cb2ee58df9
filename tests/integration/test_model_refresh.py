"""Two replicas in two processes: a version activated on one is served by both, without further requests."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services import model_refresh
from app.services.container import open_services
from app.settings import Settings
from tests.integration.faults.servers import redis_server
from tests.integration.running import connected, server
from tests.waiting import until_async

VERSIONS = "/v1/model-versions"


def serving(replica: httpx.Client) -> str:
    """The version that a replica serves; the health route does not refresh it."""
    checks: dict[str, str] = replica.get("/health/ready").json()["checks"]
    return checks["model"]


def await_version(replica: httpx.Client, version: str) -> None:
    deadline = time.monotonic() + 60
    while serving(replica) != version:
        assert time.monotonic() < deadline, "the replica does not follow"
        time.sleep(0.05)


def register(settings: Settings, model: Path) -> str:
    async def registered() -> str:
        async with open_services(settings) as services:
            return await services.model_versions.register(model)

    return asyncio.run(registered())


@contextmanager
def replicas(settings: Settings) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two servers on one database; the second finds the version that the first one has activated."""
    with (
        server(settings) as (_, one),
        server(settings.model_copy(update={"model_dir": None})) as (_, other),
        httpx.Client(base_url=one, timeout=60) as first,
        httpx.Client(base_url=other, timeout=60) as second,
    ):
        yield first, second


def test_activation_without_redis_reaches_both_replicas(settings: Settings, other_model_dir: Path) -> None:
    with replicas(settings) as (first, second):
        former = serving(second)
        other = register(settings, other_model_dir)

        assert first.post(f"{VERSIONS}/{other}:activate").status_code == 200
        assert serving(first) == other
        await_version(second, other)

        second.post(f"{VERSIONS}/{former}:activate")
        assert serving(second) == former
        seen = [other]
        deadline = time.monotonic() + 60
        while seen[-1] != former:
            assert time.monotonic() < deadline, "the replica does not follow"
            answer = first.post("/v1/recommendations", json={})
            assert answer.status_code == 200
            seen.append(answer.json()["model_version"])
        assert set(seen) == {other, former}


@pytest.mark.services
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the outage is of Redis
def test_activation_during_a_redis_outage_reaches_both_replicas(settings: Settings, other_model_dir: Path) -> None:
    with redis_server() as redis:
        shared = Settings(**settings.model_dump() | {"redis_url": redis.url})
        with replicas(shared) as (first, second):
            former = serving(second)
            other = register(settings, other_model_dir)
            for version, change in ((other, None), (former, redis.stop), (other, redis.start)):
                if change is not None:
                    change()
                assert first.post(f"{VERSIONS}/{version}:activate").status_code == 200
                await_version(second, version)


@pytest.mark.services
async def test_announcement_refreshes_a_replica_without_polling(
    settings: Settings, redis_url: str, other_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_refresh, "_POLL_SECONDS", 3600.0)
    shared = Settings(**settings.model_dump() | {"redis_url": redis_url})
    async with connected(create_app(shared)) as one, connected(create_app(shared)) as other:
        async with open_services(settings) as services:
            version = await services.model_versions.register(other_model_dir)

        async def follows() -> bool:
            return bool((await other.get("/health/ready")).json()["checks"]["model"] == version)

        await asyncio.sleep(0.5)  # both listen by now, or look for the version as soon as they do
        await one.post(f"{VERSIONS}/{version}:activate")
        await until_async(follows)
