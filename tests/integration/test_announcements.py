import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.announcements import Announcements, open_announcements
from app.redis import outages
from app.settings import Settings
from tests.integration.faults.servers import redis_server

FOR_EVER = 3600.0


@asynccontextmanager
async def announcements(state: Path, redis_url: str | None) -> AsyncIterator[Announcements]:
    async with open_announcements(Settings(state_dir=state, redis_url=redis_url)) as opened:
        yield opened


async def listening(waiting: Announcements) -> None:
    """Wait until the listener receives announcements."""
    async with asyncio.timeout(60):
        await waiting.wait(FOR_EVER)  # the first wait returns when the connection is made


async def heard(waiting: Announcements) -> bool:
    """Whether an announcement arrives within a minute."""
    try:
        async with asyncio.timeout(60):
            await waiting.wait(FOR_EVER)
    except TimeoutError:
        return False
    return True


@pytest.mark.services
async def test_announcement_reaches_all_listeners(tmp_path: Path, redis_url: str) -> None:
    async with (
        announcements(tmp_path, redis_url) as speaker,
        announcements(tmp_path, redis_url) as one,
        announcements(tmp_path, redis_url) as other,
    ):
        await listening(one)
        await listening(other)
        await speaker.announce()

        assert await heard(one)
        assert await heard(other)


@pytest.mark.services
async def test_announcement_between_two_waits_is_received_by_the_next(tmp_path: Path, redis_url: str) -> None:
    async with announcements(tmp_path, redis_url) as speaker, announcements(tmp_path, redis_url) as waiting:
        await listening(waiting)
        await speaker.announce()
        await asyncio.sleep(0.1)

        assert await heard(waiting)


@pytest.mark.services
async def test_wait_with_a_quiet_redis_logs_no_outage(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with announcements(tmp_path, redis_url) as waiting:
        await listening(waiting)
        with caplog.at_level(logging.INFO):
            await waiting.wait(1.0)  # longer than the timeout for an answer of Redis

    assert not caplog.records


async def test_wait_without_redis_returns_after_the_time(tmp_path: Path) -> None:
    async with announcements(tmp_path, None) as alone:
        await alone.announce()
        await alone.wait(0.01)


@pytest.mark.services
async def test_announcements_after_a_redis_outage_are_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outages, "_PAUSE_SECONDS", 0.0)
    with redis_server() as redis, caplog.at_level(logging.INFO):
        async with announcements(tmp_path, redis.url) as speaker, announcements(tmp_path, redis.url) as waiting:
            await listening(waiting)
            redis.stop()
            for _ in range(3):
                await speaker.announce()
                await waiting.wait(0.01)
            assert len(caplog.records) == 2  # one record for each of the two connections

            redis.start()
            await listening(waiting)
            await speaker.announce()

            assert await heard(waiting)
