import json
import subprocess
import sys

import pytest

from app.observability import request_id
from app.observability.logs import without_passwords
from app.settings import LogFormat

PROGRAM = """
import logging
from app.observability import request_id
from app.observability.logs import configure_logging
from app.settings import LogFormat

configure_logging(LogFormat.{log_format})
logger = logging.getLogger("app.test")
logger.info("before")
request_id.current.set("r-1")
try:
    raise OSError("cannot reach postgresql+asyncpg://ada:hunter2@db/coldstart")
except OSError:
    logger.exception("It failed.", extra={{"route": "/v1/items"}})
logging.getLogger("uvicorn.access").info("GET /v1/users/ada")
logging.getLogger("uvicorn.error").info("Started.")
"""


def lines_of(log_format: LogFormat) -> list[str]:
    program = PROGRAM.format(log_format=log_format.name)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    assert "hunter2" not in ended.stderr
    return ended.stderr.splitlines()


def test_json_log_has_one_object_per_line() -> None:
    before, failed, started = map(json.loads, lines_of(LogFormat.JSON))

    assert (before["level"], before["logger"], before["message"]) == ("INFO", "app.test", "before")
    assert "request_id" not in before
    assert (failed["level"], failed["request_id"], failed["route"]) == ("ERROR", "r-1", "/v1/items")
    assert failed["exception"].endswith("OSError: cannot reach postgresql+asyncpg://ada:***@db/coldstart")
    assert started["logger"] == "uvicorn.error"
    assert started["time"].endswith("+00:00")


def test_text_log_names_the_request() -> None:
    before, *failed, started = lines_of(LogFormat.TEXT)

    assert before.endswith("INFO app.test: before")
    assert failed[0].endswith("ERROR app.test: It failed.")
    assert failed[-1].endswith("[r-1]")
    assert started.endswith("INFO uvicorn.error: Started. [r-1]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://:hunter2@host:6379/0 failed", "redis://:***@host:6379/0 failed"),
        ("postgresql://ada:hun@ter2@host", "postgresql://ada:***@host"),
        ("http://host:80/path and a@b", "http://host:80/path and a@b"),
        ("nothing", "nothing"),
    ],
)
def test_text_with_password_in_url_hides_it(text: str, expected: str) -> None:
    assert without_passwords(text) == expected


class TestRequestId:
    @pytest.mark.parametrize("given", [b"a", b"0123-abc.DEF_:=+", b"x" * 128])
    def test_request_id_that_is_valid_is_kept(self, given: bytes) -> None:
        assert request_id.accepted(given) == given.decode()

    @pytest.mark.parametrize("given", [None, b"", b"x" * 129, b"a b", b"a\n", b"\xff", b'"', b"<script>"])
    def test_request_id_that_is_invalid_is_replaced(self, given: bytes | None) -> None:
        made = request_id.accepted(given)

        assert len(made) == 32
        assert made != request_id.accepted(given)
