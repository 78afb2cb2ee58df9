import logging
from collections.abc import AsyncIterator, Iterator
from unittest.mock import AsyncMock

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.observability import request_id
from app.settings import Settings
from tests.integration.running import connected


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because request ids do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings.model_copy(update={"access_log": True}))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(app) as client:
        yield client


class Recorder(logging.Handler):
    """Records every log message with the id of its request."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.getMessage(), request_id.current.get()))


@pytest.fixture
def log() -> Iterator[Recorder]:
    recorder = Recorder()
    logger = logging.getLogger("app")
    logger.addHandler(recorder)
    logger.setLevel(logging.INFO)
    yield recorder
    logger.removeHandler(recorder)
    logger.setLevel(logging.NOTSET)


async def test_request_id_that_is_given_is_returned(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": "proxy-1"})

    assert answer.headers["x-request-id"] == "proxy-1"


async def test_request_id_that_is_invalid_is_replaced_by_a_unique_one(client: httpx.AsyncClient) -> None:
    unfit = {"X-Request-ID": "a b"}
    ids = {(await client.get("/health/live", headers=unfit)).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3
    assert "a b" not in ids


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/users/nobody", "/v1/users/%00"])
async def test_problem_names_its_request(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-ID": "proxy-2"})

    assert answer.json()["instance"] == "urn:coldstart:request:proxy-2"
    assert answer.headers["x-request-id"] == "proxy-2"


async def test_refused_body_has_a_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/recommendations", content=b" " * 2_000_000, headers={"X-Request-ID": "proxy-3"})

    assert answer.status_code == 413
    assert answer.json()["instance"] == "urn:coldstart:request:proxy-3"


async def test_unexpected_error_has_a_request_id(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.health.HealthService.report", AsyncMock(side_effect=ZeroDivisionError))

    answer = await client.get("/health/ready", headers={"X-Request-ID": "proxy-4"})

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "proxy-4"
    assert answer.json()["instance"] == "urn:coldstart:request:proxy-4"


async def test_request_log_has_route_templates_and_no_ids(client: httpx.AsyncClient, log: Recorder) -> None:
    await client.get("/v1/users/nobody", headers={"X-Request-ID": "proxy-5"})

    assert log.lines[-1] == ("GET /v1/users/{user_id}: 404", "proxy-5")


async def test_log_of_shared_work_names_no_request(
    client: httpx.AsyncClient, log: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = AsyncMock(side_effect=ConnectionRefusedError)
    monkeypatch.setattr("app.storage.current_versions.CurrentVersionsRepository.current_with_users", refused)

    answer = await client.post("/v1/recommendations", json={}, headers={"X-Request-ID": "proxy-6"})

    assert answer.status_code == 503
    assert ("The database failed: ConnectionRefusedError", None) in log.lines
    assert ("database-unavailable: The database does not answer; try again later.", "proxy-6") in log.lines
