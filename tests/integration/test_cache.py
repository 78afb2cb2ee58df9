import logging

import pytest
import redis

from app.cache import Cache, LocalCache
from app.redis.cache import RedisCache


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.services)])
def cache(request: pytest.FixtureRequest) -> Cache:
    """Every cache there is, empty."""
    if request.param == "local":
        return LocalCache(entries=100, seconds=60)
    return RedisCache(request.getfixturevalue("redis_url"), seconds=60)


class TestEveryCache:
    @pytest.mark.parametrize("value", [[], {"a": [1, 2.5, None, "é"]}, 0, "text"])
    async def test_gives_back_what_was_put_in(self, cache: Cache, value: object) -> None:
        await cache.set("key", value)

        assert await cache.get("key") == value
        await cache.close()

    async def test_knows_nothing_else(self, cache: Cache) -> None:
        assert await cache.get("key") is None
        await cache.close()

    async def test_a_value_is_a_copy(self, cache: Cache) -> None:
        value = [1]
        await cache.set("key", value)
        value.append(2)

        assert await cache.get("key") == [1]
        await cache.close()

    async def test_the_last_value_counts(self, cache: Cache) -> None:
        await cache.set("key", 1)
        await cache.set("key", 2)

        assert await cache.get("key") == 2
        await cache.close()

    async def test_is_available(self, cache: Cache) -> None:
        assert await cache.is_available()
        await cache.close()


class TestLocalCache:
    async def test_a_value_whose_time_is_over_is_forgotten(self) -> None:
        now = [0.0]
        cache = LocalCache(entries=100, seconds=60, clock=lambda: now[0])
        await cache.set("key", 1)

        now[0] = 59
        assert await cache.get("key") == 1
        now[0] = 60
        assert await cache.get("key") is None

    async def test_what_was_not_asked_for_the_longest_goes_first(self) -> None:
        cache = LocalCache(entries=2, seconds=60)
        await cache.set("a", 1)
        await cache.set("b", 2)
        await cache.get("a")
        await cache.set("c", 3)

        assert [await cache.get(key) for key in "abc"] == [1, None, 3]


class TestRedisCache:
    @pytest.mark.services
    async def test_a_value_has_a_time_to_live(self, redis_url: str) -> None:
        cache = RedisCache(redis_url, seconds=60)
        await cache.set("key", 1)
        await cache.close()

        with redis.Redis.from_url(redis_url) as connection:
            (key,) = connection.keys("*")
            assert 0 < connection.ttl(key) <= 60

    async def test_an_outage_is_an_empty_cache_and_logged_once(self, caplog: pytest.LogCaptureFixture) -> None:
        cache = RedisCache("redis://:hunter2@127.0.0.1:1", seconds=60)
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                await cache.set("key", 1)
                assert await cache.get("key") is None
                assert not await cache.is_available()
        await cache.close()

        assert len(caplog.records) == 1
        assert "hunter2" not in caplog.text
