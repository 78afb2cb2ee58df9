import logging

import pytest
import redis

from app.cache import Cache, LocalCache
from app.redis.cache import RedisCache


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.services)])
def cache(request: pytest.FixtureRequest) -> Cache:
    """An empty cache of each kind."""
    if request.param == "local":
        return LocalCache(entries=100, seconds=60)
    return RedisCache(request.getfixturevalue("redis_url"), seconds=60)


class TestEveryCache:
    @pytest.mark.parametrize("value", [[], {"a": [1, 2.5, None, "é"]}, 0, "text"])
    async def test_get_of_a_set_key_returns_its_value(self, cache: Cache, value: object) -> None:
        await cache.set("key", value)

        assert await cache.get("key") == value
        await cache.close()

    async def test_get_of_an_unknown_key_returns_none(self, cache: Cache) -> None:
        assert await cache.get("key") is None
        await cache.close()

    async def test_set_value_changed_later_stays_the_same_in_the_cache(self, cache: Cache) -> None:
        value = [1]
        await cache.set("key", value)
        value.append(2)

        assert await cache.get("key") == [1]
        await cache.close()

    async def test_set_of_a_known_key_replaces_its_value(self, cache: Cache) -> None:
        await cache.set("key", 1)
        await cache.set("key", 2)

        assert await cache.get("key") == 2
        await cache.close()

    async def test_cache_in_operation_is_available(self, cache: Cache) -> None:
        assert await cache.is_available()
        await cache.close()


class TestLocalCache:
    async def test_local_cache_forgets_an_expired_value(self) -> None:
        now = [0.0]
        cache = LocalCache(entries=100, seconds=60, clock=lambda: now[0])
        await cache.set("key", 1)

        now[0] = 59
        assert await cache.get("key") == 1
        now[0] = 60
        assert await cache.get("key") is None

    async def test_local_cache_when_full_drops_the_least_recently_used(self) -> None:
        cache = LocalCache(entries=2, seconds=60)
        await cache.set("a", 1)
        await cache.set("b", 2)
        await cache.get("a")
        await cache.set("c", 3)

        assert [await cache.get(key) for key in "abc"] == [1, None, 3]


class TestRedisCache:
    @pytest.mark.services
    async def test_redis_cache_sets_a_time_to_live(self, redis_url: str) -> None:
        cache = RedisCache(redis_url, seconds=60)
        await cache.set("key", 1)
        await cache.close()

        with redis.Redis.from_url(redis_url) as connection:
            (key,) = connection.keys("*")
            assert 0 < connection.ttl(key) <= 60

    async def test_redis_cache_in_an_outage_is_empty_and_logs_once(self, caplog: pytest.LogCaptureFixture) -> None:
        cache = RedisCache("redis://:hunter2@127.0.0.1:1", seconds=60)
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                await cache.set("key", 1)
                assert await cache.get("key") is None
                assert not await cache.is_available()
        await cache.close()

        assert len(caplog.records) == 1
        assert "hunter2" not in caplog.text
