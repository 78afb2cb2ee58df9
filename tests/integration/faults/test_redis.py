"""Redis stops, hangs, is full or has invalid entries; requests are answered as before."""

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
    """SQLite alone, because a fault of Redis does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture(scope="module")
def redis_that_stops() -> Iterator[RedisServer]:
    """A Redis server that tests can stop."""
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def client(
    redis_that_stops: RedisServer, model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client of a server that uses Redis for cache and rate limit, and was started before Redis."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        redis_url=redis_that_stops.url,
        model_dir=model_dir,
        rate_limit="1000000/minute",
        run_worker=True,
    )
    redis_that_stops.stop()
    with server(settings) as (_, address), httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        assert missing(client) == ["cache"]
        redis_that_stops.start()
        yield client


def missing(client: httpx.Client) -> list[str]:
    """The missing parts that the readiness route names."""
    parts: list[str] = client.get("/health/ready").json()["missing"]
    return parts


def use(client: httpx.Client, user_id: str) -> None:
    """Add a rating, then get recommendations twice: computed and from the cache."""
    assert client.post(f"/v1/users/{user_id}/ratings", json=RATINGS).status_code == 200
    for _ in range(2):
        assert len(client.get(f"/v1/users/{user_id}/recommendations").json()["items"]) == 10


def evaluate(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/evaluations", json={"states": ["warm"], "bootstrap_resamples": 100})


def succeeds(client: httpx.Client, started: httpx.Response) -> bool:
    """Wait for the end of a job; whether it succeeded."""

    def status() -> str | None:
        current: str = client.get(started.headers["location"]).json()["status"]
        return None if current in {"queued", "running"} else current

    return until(status) == "succeeded"


def test_server_started_before_redis_uses_it_later(client: httpx.Client) -> None:
    use(client, "early")
    assert missing(client) == []
    assert succeeds(client, evaluate(client))


def test_redis_outage_changes_no_answer_and_ends_by_itself(client: httpx.Client, redis_that_stops: RedisServer) -> None:
    use(client, "ada")
    redis_that_stops.stop()
    try:
        use(client, "ada")
        started = evaluate(client)
        assert missing(client) == ["cache"]
        assert succeeds(client, started)
    finally:
        redis_that_stops.start()

    use(client, "ada")
    assert missing(client) == []


def test_hanging_redis_does_not_stop_requests(client: httpx.Client, redis_that_stops: RedisServer) -> None:
    use(client, "bea")
    with redis_that_stops.paused():
        use(client, "bea")
        assert missing(client) == ["cache"]
        assert succeeds(client, evaluate(client))

    assert missing(client) == []


def test_full_redis_changes_no_answer(client: httpx.Client, redis_that_stops: RedisServer) -> None:
    redis_that_stops.connection.config_set("maxmemory", 1)
    try:
        use(client, "cyd")
        assert succeeds(client, evaluate(client))
    finally:
        redis_that_stops.connection.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    "invalid", ["\x80", "not JSON", "null", "[]", '{"items": [{"id": 1}], "reasons": {}}', '{"items": 3}']
)
async def test_invalid_cache_entry_is_replaced(settings: Settings, redis_url: str, invalid: str) -> None:
    with_redis = Settings(**settings.model_dump() | {"redis_url": redis_url, "run_worker": False})
    async with connected(create_app(with_redis)) as client:
        await client.post("/v1/users/ada/ratings", json=RATINGS)
        expected = (await client.get("/v1/users/ada/recommendations")).json()
        with redis.Redis.from_url(redis_url) as connection:
            (key,) = connection.keys("coldstart:*")
            assert json.loads(connection.get(key))["items"]
            connection.set(key, invalid.encode("latin-1"))
            answer = await client.get("/v1/users/ada/recommendations")
            replaced = json.loads(connection.get(key))

    assert answer.status_code == 200
    assert answer.json() == expected
    assert replaced["items"]
