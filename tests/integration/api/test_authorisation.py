"""Every route with every kind of key: what is allowed and what is refused."""

import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import text

from app.main import create_app
from app.services import api_keys
from app.services.api_keys import APIKeyService, KeyManagementError
from app.settings import Settings
from app.storage.database import open_database
from app.storage.tables import KeyScope
from tests.integration.running import connected

OPEN = {"get_liveness", "get_readiness"}
SCOPES = {
    "list_users": "admin",
    "put_user": "write",
    "patch_user": "write",
    "put_users": "write",
    "merge_user": "write",
    "get_user": "read",
    "delete_user": "write",
    "add_ratings": "write",
    "list_ratings": "read",
    "delete_rating": "write",
    "add_interactions": "write",
    "list_interactions": "read",
    "delete_interaction": "write",
    "add_skips": "write",
    "list_skips": "read",
    "delete_skip": "write",
    "add_answers": "write",
    "list_answers": "read",
    "delete_answer": "write",
    "list_questions": "read",
    "choose_questions": "read",
    "get_tastes": "read",
    "get_recommendations": "read",
    "explain_recommendations": "read",
    "recommend": "read",
    "rank_items": "read",
    "list_similar_items": "read",
    "find_similar_items": "read",
    "list_audience": "admin",
    "start_list_export": "admin",
    "list_list_exports": "read",
    "get_list_export": "read",
    "download_list_export": "admin",
    "cancel_list_export": "admin",
    "list_candidates": "read",
    "choose_candidates": "read",
    "put_item": "admin",
    "patch_item": "admin",
    "put_items": "admin",
    "get_item": "read",
    "delete_item": "admin",
    "list_items": "read",
    "get_list": "read",
    "get_schema": "read",
    "start_evaluation": "admin",
    "list_evaluations": "read",
    "get_evaluation": "read",
    "get_evaluation_report": "read",
    "download_evaluation_report": "read",
    "cancel_evaluation": "admin",
    "start_training": "admin",
    "list_trainings": "read",
    "get_training": "read",
    "cancel_training": "admin",
    "list_model_versions": "read",
    "register_model_version": "admin",
    "activate_model_version": "admin",
    "get_model_report": "read",
    "get_model_traffic": "read",
    "put_challenger": "admin",
    "delete_challenger": "admin",
    "add_events": "write",
    "put_scenario": "admin",
    "list_scenarios": "read",
    "get_scenario": "read",
    "delete_scenario": "admin",
    "list_click_rates": "read",
    "get_overview": "read",
}
UNDOCUMENTED_OPEN = {
    "/openapi.json",
    "/docs",
    "/redoc",
    "/metrics",
    "/",
    "/models",
    "/scenarios",
    "/overview",
    "/evaluations",
    "/sign-in",
}
# These redirect to the sign-in page, see `TestPages`.
REPORTS = {"/evaluations/compare", "/evaluations/{evaluation_id}"}
INVALID_KEYS = {
    "missing": "urn:coldstart:problem:missing-key",
    "wrong": "urn:coldstart:problem:invalid-key",
    "revoked": "urn:coldstart:problem:invalid-key",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that require keys; no model is needed."""
    return settings.model_copy(update={"allow_anonymous": False, "model_dir": None})


@pytest.fixture
async def keys(settings: Settings) -> dict[str, str]:
    """A key of each scope, by the name of the scope, and a revoked, a wrong and an empty one."""
    async with open_database(settings.database_url.get_secret_value()) as database:
        management = APIKeyService(database, required=True)
        created = {scope.value: await management.create(scope, scope) for scope in KeyScope}
        created["revoked"] = await management.create("revoked", KeyScope.ADMIN)
        await management.revoke("revoked")
    return created | {"wrong": "coldstart_" + "x" * 43, "missing": ""}


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI, keys: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - keys first
    async with connected(app) as client:
        yield client


def operations(app: FastAPI) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, a path, and the description of every operation, by its id."""
    return {
        operation["operationId"]: (method.upper(), re.sub(r"\{\w+\}", "x", path), operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_documented_or_listed_as_undocumented(app: FastAPI) -> None:
    documented = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    served = {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or {"mounted"}
    }

    outside = {path for _, path in served - documented if not path.startswith("/assets/")}
    assert documented <= served
    assert outside == UNDOCUMENTED_OPEN | REPORTS


def test_operations_declare_the_scope_that_they_need(app: FastAPI) -> None:
    declared = {name: operation.get("security") for name, (_, _, operation) in operations(app).items()}

    assert declared == {name: [{"APIKey": [scope]}] for name, scope in SCOPES.items()} | dict.fromkeys(OPEN)


def test_operations_declare_their_refusals(app: FastAPI) -> None:
    for name, (_, _, operation) in operations(app).items():
        assert name in OPEN or {"401", "403"} <= set(operation["responses"]), name


async def test_operation_with_each_key_is_allowed_or_refused_by_scope(
    app: FastAPI, client: httpx.AsyncClient, keys: dict[str, str]
) -> None:
    for name, (method, path, _) in operations(app).items():
        for kind, key in keys.items():
            answer = await client.request(method, path, headers={"X-API-Key": key} if key else {})
            where = f"{name} with the key {kind}: {answer.text}"
            if name in OPEN:
                assert answer.status_code not in {401, 403}, where
            elif kind in INVALID_KEYS:
                assert answer.status_code == 401, where
                assert answer.json()["type"] == INVALID_KEYS[kind], where
                assert "www-authenticate" in answer.headers
            elif not KeyScope(kind).includes(KeyScope(SCOPES[name])):
                assert answer.status_code == 403, where
                assert answer.json()["type"] == "urn:coldstart:problem:key-scope", where
            else:
                assert answer.status_code not in {401, 403}, where


@pytest.mark.parametrize(("path", "scope"), [("/v1/items:batch", "admin"), ("/v1/users:batch", "write")])
async def test_stream_needs_the_scope_of_its_batch(
    client: httpx.AsyncClient, keys: dict[str, str], path: str, scope: str
) -> None:
    """A stream shares the path of `put_items` or `put_users` and is not an operation of its own in the document."""

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("was read")
        yield b""

    for kind, key in keys.items():
        headers = {"X-API-Key": key, "Content-Type": "application/x-ndjson"}
        answer = await client.post(path, headers=headers, content=unread())
        allowed = kind not in INVALID_KEYS and KeyScope(kind).includes(KeyScope(scope))
        expected = 401 if kind in INVALID_KEYS else 503 if allowed else 403
        assert answer.status_code == expected, f"with the key {kind}: {answer.text}"


async def test_revoked_key_is_refused(
    client: httpx.AsyncClient, keys: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "KNOWN_SECONDS", 0.0)
    headers = {"X-API-Key": keys["read"]}
    assert (await client.get("/v1/items", headers=headers)).status_code == 200

    async with open_database(settings.database_url.get_secret_value()) as database:
        await APIKeyService(database, required=True).revoke("read")

    assert (await client.get("/v1/items", headers=headers)).status_code == 401


async def test_new_key_is_accepted_by_running_servers(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "_UNKNOWN_SECONDS", 0.0)
    assert (await client.get("/v1/items", headers={"X-API-Key": "none"})).status_code == 401

    async with open_database(settings.database_url.get_secret_value()) as database:
        key = await APIKeyService(database, required=True).create("new", KeyScope.READ)

    assert (await client.get("/v1/items", headers={"X-API-Key": key})).status_code == 200


async def test_start_without_keys_fails(settings: Settings) -> None:
    with pytest.raises(KeyManagementError, match="there is no API key"):
        async with connected(create_app(settings)):
            pass


async def test_start_with_only_a_revoked_key_fails(settings: Settings) -> None:
    async with open_database(settings.database_url.get_secret_value()) as database:
        management = APIKeyService(database, required=True)
        await management.create("only", KeyScope.ADMIN)
        await management.revoke("only")

    with pytest.raises(KeyManagementError):
        async with connected(create_app(settings)):
            pass


async def test_request_without_a_key_when_allowed_is_accepted(settings: Settings) -> None:
    async with connected(create_app(settings.model_copy(update={"allow_anonymous": True}))) as client:
        assert (await client.get("/v1/items")).status_code == 200
        assert (await client.get("/v1/items", headers={"X-API-Key": "anything"})).status_code == 200


async def test_keys_are_stored_only_as_hashes(
    app: FastAPI, keys: dict[str, str], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = [key for key in keys.values() if key]
    with caplog.at_level(logging.DEBUG):
        async with connected(app) as client:
            answers = [await client.delete("/v1/users/x", headers={"X-API-Key": key}) for key in secrets]
            answers += [await client.post("/sign-in", json={"key": key, "more": key}) for key in secrets]
    async with open_database(settings.database_url.get_secret_value()) as database, database.read() as session:
        rows = (await session.execute(text("SELECT * FROM api_keys"))).all()

    assert len(rows) == 4
    for key in secrets:
        assert key not in caplog.text
        assert key not in str(rows)
        assert all(key not in answer.text for answer in answers)


async def test_last_use_of_a_key_is_stored_when_the_server_stops(
    app: FastAPI, keys: dict[str, str], settings: Settings
) -> None:
    before = datetime.now(UTC)
    async with connected(app) as client:
        await client.get("/v1/items", headers={"X-API-Key": keys["read"]})

    async with open_database(settings.database_url.get_secret_value()) as database:
        used = {key.name: key.last_used_at for key in await APIKeyService(database, required=True).all()}
    assert used.pop("read") >= before  # type: ignore[operator]
    assert set(used.values()) == {None}


class TestPages:
    async def test_pages_without_a_key_are_open_except_reports(self, client: httpx.AsyncClient) -> None:
        for path in ("/", "/scenarios", "/evaluations", "/models", "/sign-in", "/docs"):
            assert (await client.get(path)).status_code == 200
        for path in ("/evaluations/x", "/evaluations/compare?one=x&other=y"):
            answer = await client.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in?next=/evaluations/")

    async def test_sign_in_sets_a_cookie_until_signing_out(
        self, client: httpx.AsyncClient, keys: dict[str, str]
    ) -> None:
        answer = await client.post("/sign-in", json={"key": keys["admin"]})
        assert answer.status_code == 204
        assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert (await client.get("/v1/items")).status_code == 200
        assert (await client.get("/evaluations/x")).status_code == 404

        await client.delete("/sign-in")
        assert (await client.get("/v1/items")).status_code == 401

    @pytest.mark.parametrize("kind", ["wrong", "revoked", "missing"])
    async def test_sign_in_with_an_invalid_key_is_refused(
        self, client: httpx.AsyncClient, keys: dict[str, str], kind: str
    ) -> None:
        answer = await client.post("/sign-in", json={"key": keys[kind]})

        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://localhost", 404),
            ("http://other.test", 403),
            ("http://localhost:81", 403),
            ("null", 403),
            (None, 401),
        ],
    )
    async def test_cookie_does_not_authorise_changes_from_another_origin(
        self, client: httpx.AsyncClient, keys: dict[str, str], origin: str | None, status: int
    ) -> None:
        await client.post("/sign-in", json={"key": keys["admin"]})

        answer = await client.delete("/v1/users/x", headers={"Origin": origin} if origin else {})

        assert answer.status_code == status
