import json
import sqlite3
from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected

JSON = {"content-type": "application/json"}


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because these errors do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


def problem(answer: httpx.Response) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert body["status"] == answer.status_code
    return body


async def test_unknown_path_is_answered_with_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing")

    assert answer.status_code == 404
    body = problem(answer)
    assert (body["type"], body["detail"]) == ("urn:coldstart:problem:not-found", "There is nothing at /v1/nothing.")


async def test_unsupported_method_is_answered_with_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/items/i1")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    body = problem(answer)
    assert body["type"] == "urn:coldstart:problem:method-not-allowed"
    assert body["detail"] == "/v1/items/i1 has DELETE, GET, HEAD, PATCH, PUT, but no POST."


@pytest.mark.parametrize("path", ["users", "items", "evaluations"])
async def test_id_with_a_null_character_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/v1/{path}/%00")

    assert answer.status_code == 422
    problem(answer)


@pytest.mark.parametrize("body", [b"", b"{", b'{"ratings": [}', b"[]", b"null", b'"x"', b"{}x"])
async def test_malformed_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/users/ada/ratings", content=body, headers=JSON)

    assert answer.status_code == 422
    assert problem(answer)["type"] == "urn:coldstart:problem:invalid-request"


@pytest.mark.parametrize("body", [b"\xff\xfe\xff", b"[" * 100_000])
async def test_body_that_cannot_be_parsed_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/users/ada/ratings", content=body, headers=JSON)

    assert answer.status_code in {400, 422}
    problem(answer)


async def test_refusal_does_not_repeat_the_input(client: httpx.AsyncClient) -> None:
    body = json.dumps({"ratings": [{"item_id": "i1", "rating": "hunter2"}], "password": "hunter2", "\ud800": 1})

    answer = await client.post("/v1/users/ada/ratings", content=body, headers=JSON)

    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    problem(answer)


async def test_refusal_of_many_errors_is_short(client: httpx.AsyncClient) -> None:
    body = {"ratings": [{"item_id": "x" * 200, "rating": "x"}] * 1000, "x" * 100_000: 1}

    answer = await client.post("/v1/users/ada/ratings", json=body)

    assert answer.status_code == 422
    assert len(answer.content) < 20_000


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "json"])
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/users/ada/ratings", "application/json"),
        ("PUT", "/v1/items/i1", "application/json"),
        ("POST", "/v1/evaluations", "application/json"),
        ("POST", "/v1/items:batch", "application/json or application/x-ndjson"),
        ("POST", "/sign-in", "application/json"),
    ],
)
async def test_body_of_another_media_type_is_refused(
    client: httpx.AsyncClient, method: str, path: str, expected: str, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    answer = await client.request(method, path, content=b"{}", headers=headers)

    assert answer.status_code == 415
    body = problem(answer)
    assert body["type"] == "urn:coldstart:problem:unsupported-media-type"
    assert str(body["detail"]).endswith(f"send it with Content-Type: {expected}.")
    assert (content_type or "no Content-Type") in str(body["detail"])


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
)
async def test_body_of_a_json_media_type_is_read(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/v1/recommendations", content=b"{}", headers={"content-type": content_type})

    assert answer.status_code == 200


async def test_missing_body_is_named_whatever_its_media_type(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/recommendations")

    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"field": "body", "reason": "Field required"}]
    assert (await client.post("/v1/evaluations", headers={"content-type": "text/plain"})).status_code == 202


@pytest.mark.parametrize(
    ("path", "body", "field", "said"),
    [
        ("/v1/recommendations", {"raitngs": []}, "raitngs", "did you mean ratings or strangers?"),
        ("/v1/candidates", {"Strategy": "random"}, "Strategy", "did you mean strategy?"),
        (
            "/v1/users/ada/ratings",
            {"ratings": [{"item_id": "i1", "rating": 5, "rated": 1}]},
            "ratings.0.rated",
            "did you mean rated_at?",
        ),
        ("/v1/evaluations", {"state": ["warm"]}, "state", "did you mean states or steps?"),
        ("/v1/trainings", {"x": 1}, "x", "known are: preset, epochs, seed, with_data_set, activate"),
        ("/sign-in", {"key": "x", "keys": "x"}, "keys", "did you mean key?"),
    ],
)
async def test_misspelt_field_is_named_with_the_nearest_one(
    client: httpx.AsyncClient, path: str, body: dict[str, object], field: str, said: str
) -> None:
    answer = await client.post(path, json=body)

    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"field": field, "reason": f"is not a field of this request; {said}"}]


class TestBodyLimit:
    async def test_body_with_a_declared_length_above_the_limit_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/recommendations", content=b" " * (1024 * 1024 + 1), headers=JSON)

        assert answer.status_code == 413
        assert problem(answer)["type"] == "urn:coldstart:problem:body-too-large"

    async def test_chunked_body_above_the_limit_is_refused(self, client: httpx.AsyncClient) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(17):
                yield b" " * 65536

        answer = await client.post("/v1/recommendations", content=chunks(), headers=JSON)

        assert answer.status_code == 413
        assert problem(answer)["type"] == "urn:coldstart:problem:body-too-large"

    async def test_body_of_exactly_the_limit_is_accepted(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/recommendations", content=b"{}".ljust(1024 * 1024), headers=JSON)

        assert answer.status_code == 200


async def test_unexpected_error_shows_no_internal_details(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(create_app(settings)) as client:
        monkeypatch.setattr("app.services.health.HealthService.report", lambda _self: 1 / 0)

        answer = await client.get("/health/ready")

    assert answer.status_code == 500
    assert problem(answer)["detail"] == "Something unexpected went wrong."
    assert "Zero" not in answer.text


async def test_request_without_the_database_is_unavailable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(create_app(settings)) as client:
        refused = ConnectionRefusedError("postgresql://user:hunter2@host")
        for method in ("current", "current_with_users"):
            monkeypatch.setattr(
                f"app.storage.current_versions.CurrentVersionsRepository.{method}", AsyncMock(side_effect=refused)
            )

        answer = await client.post("/v1/recommendations", json={})
        health = await client.get("/health/ready")

    assert answer.status_code == 503
    assert problem(answer)["type"] == "urn:coldstart:problem:database-unavailable"
    assert "hunter2" not in answer.text
    assert health.status_code == 503
    assert health.json()["checks"]["database"] == "unavailable"
    assert health.json()["missing"] == ["database"]


async def test_log_of_a_database_error_has_neither_statement_nor_values(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fault = OperationalError("SELECT secret", {"user_id": "hunter2"}, sqlite3.OperationalError("disk I/O error"))
    async with connected(create_app(settings)) as client:
        monkeypatch.setattr("app.storage.users.UserRepository.get", AsyncMock(side_effect=fault))
        caplog.clear()

        answer = await client.get("/v1/users/ada")

    assert answer.status_code == 503
    assert [record.getMessage() for record in caplog.records if record.name == "app.storage.database"] == [
        "The database failed: disk I/O error"
    ]
    for text in (answer.text, caplog.text):
        assert not [word for word in ("SELECT", "hunter2", "Traceback") if word in text]


async def test_openapi_document_has_unique_ids_and_problem_responses(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 200
    document = (await client.get("/openapi.json")).json()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert "get_recommendations" in names
    assert len(names) == len(set(names))
    for operation in operations:
        for status, response in operation["responses"].items():
            if int(status) >= 400 and operation["operationId"] != "get_readiness":
                assert list(response["content"]) == ["application/problem+json"]
