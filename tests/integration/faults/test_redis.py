"""Redis goes away, hangs, is full, or holds rubbish: what is asked is answered all the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from app.main import create_app
from app.settings import Settings
from tests.integration.faults.servers import RedisServer, redis_server
from tests.integration.running import connected, server
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.services

RATINGS = {"ratings": [{"item_id": "i1", "rating": 5}]}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Redis is missed in the same way over every kind of database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """A Redis that may be stopped."""
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def client(own_redis: RedisServer, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that was started without Redis, though it has cache and rate limit there."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        redis_url=own_redis.url,
        model_dir=model_dir,
        rate_limit="1000000/minute",
        run_worker=True,
    )
    own_redis.stop()
    with server(settings) as (_, address), httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        assert missing(client) == ["cache"]
        own_redis.start()
        yield client


def missing(client: httpx.Client) -> list[str]:
    """What readiness says is missing."""
    parts: list[str] = client.get("/health/ready").json()["missing"]
    return parts


def use(client: httpx.Client, user_id: str) -> None:
    """Rate, and ask for recommendations anew and again."""
    assert client.post(f"/v1/users/{user_id}/ratings", json=RATINGS).status_code == 200
    for _ in range(2):
        assert len(client.get(f"/v1/users/{user_id}/recommendations").json()["items"]) == 10


def evaluate(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/evaluations", json={"states": ["warm"], "bootstrap_resamples": 100})


def succeeds(client: httpx.Client, started: httpx.Response) -> bool:
    """Whether the job ends well."""

    def status() -> str | None:
        current: str = client.get(started.headers["location"]).json()["status"]
        return None if current in {"queued", "running"} else current

    return until(status) == "succeeded"


def test_server_started_before_redis_uses_it_later(client: httpx.Client) -> None:
    use(client, "early")
    assert missing(client) == []
    assert succeeds(client, evaluate(client))


def test_redis_outage_changes_no_answer_and_ends_by_itself(client: httpx.Client, own_redis: RedisServer) -> None:
    use(client, "ada")
    own_redis.stop()
    try:
        use(client, "ada")
        started = evaluate(client)
        assert missing(client) == ["cache"]
        assert succeeds(client, started)
    finally:
        own_redis.start()

    use(client, "ada")
    assert missing(client) == []


def test_hanging_redis_does_not_stop_requests(client: httpx.Client, own_redis: RedisServer) -> None:
    use(client, "bea")
    with own_redis.paused():
        use(client, "bea")
        assert missing(client) == ["cache"]
        assert succeeds(client, evaluate(client))

    assert missing(client) == []


def test_full_redis_changes_no_answer(client: httpx.Client, own_redis: RedisServer) -> None:
    own_redis.connection.config_set("maxmemory", 1)
    try:
        use(client, "cyd")
        assert succeeds(client, evaluate(client))
    finally:
        own_redis.connection.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    "rubbish", ["\x80", "not JSON", "null", "[]", '{"items": [{"id": 1}], "reasons": {}}', '{"items": 3}']
)
async def test_invalid_cache_entry_is_replaced(settings: Settings, redis_url: str, rubbish: str) -> None:
    with_redis = Settings(**settings.model_dump() | {"redis_url": redis_url, "run_worker": False})
    async with connected(create_app(with_redis)) as client:
        await client.post("/v1/users/ada/ratings", json=RATINGS)
        expected = (await client.get("/v1/users/ada/recommendations")).json()
        with redis.Redis.from_url(redis_url) as connection:
            (key,) = connection.keys("coldstart:*")
            assert json.loads(connection.get(key))["items"]
            connection.set(key, rubbish.encode("latin-1"))
            answer = await client.get("/v1/users/ada/recommendations")
            mended = json.loads(connection.get(key))

    assert answer.status_code == 200
    assert answer.json() == expected
    assert mended["items"]
