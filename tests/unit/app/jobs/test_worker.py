import logging

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.jobs import worker


@pytest.mark.usefixtures("_quiet_again")
def test_an_outage_of_the_queue_is_one_line_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    loops = [logging.getLogger(f"huey.consumer.{name}") for name in ("Worker", "Scheduler")]
    for loop in loops * 3:
        loop.error("Error reading from queue", exc_info=RedisConnectionError("refused"))
    loops[0].error("Unhandled error", exc_info=KeyError("a fault of the program"))

    assert [record.message for record in caplog.records] == ["The queue fails (ConnectionError).", "Unhandled error"]
    assert [record.exc_info is None for record in caplog.records] == [True, False]


@pytest.fixture
def _quiet_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No outage has been logged yet."""
    monkeypatch.setattr(worker._OUTAGES, "_next", 0.0)
