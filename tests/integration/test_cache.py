import asyncio
import logging

import pytest

from app.cache import Cache, LocalCache, RedisCache


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.services)])
def cache(request: pytest.FixtureRequest) -> Cache:
    """Every cache there is, empty, keeping values for a second."""
    if request.param == "local":
        return LocalCache(entries=100, seconds=1)
    return RedisCache(request.getfixturevalue("redis_url"), seconds=1)


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

    async def test_forgets(self, cache: Cache) -> None:
        await cache.set("key", 1)
        await asyncio.sleep(1.1)

        assert await cache.get("key") is None
        await cache.close()

    async def test_is_available(self, cache: Cache) -> None:
        assert await cache.is_available()
        await cache.close()


class TestLocalCache:
    async def test_what_was_not_asked_for_the_longest_goes_first(self) -> None:
        cache = LocalCache(entries=2, seconds=60)
        await cache.set("a", 1)
        await cache.set("b", 2)
        await cache.get("a")
        await cache.set("c", 3)

        assert [await cache.get(key) for key in "abc"] == [1, None, 3]


class TestRedisCache:
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
