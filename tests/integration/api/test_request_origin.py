"""Which requests of a browser are refused: for each route, from foreign pages and under foreign host names."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services.api_keys import APIKeyService
from app.settings import Settings
from app.storage.database import open_database
from app.storage.tables import KeyScope
from tests.integration.running import connected

PROBLEM = "urn:coldstart:problem:"
EVERY_ROUTE = {
    (method.upper(), re.sub(r"\{\w+\}", "x", path))
    for path, methods in create_app(Settings()).openapi()["paths"].items()
    for method in methods
} | {("GET", path) for path in ("/", "/docs", "/openapi.json", "/metrics", "/evaluations/x")}
UNSAFE_ROUTES = {route for route in EVERY_ROUTE if route[0] != "GET"} | {("POST", "/sign-in"), ("DELETE", "/sign-in")}
FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "https://shop.example:444"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
)
OWN = (
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"},  # a CORS origin
)


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite alone, because the origin is checked before anything is read."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path)}"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"model_dir": None, "allowed_hosts": ("box.example",), "cors_origins": ("https://shop.example",)}
    )


@pytest.fixture
async def key(settings: Settings) -> str:
    async with open_database(settings.database_url.get_secret_value()) as database:
        return await APIKeyService(database, required=True).create("admin", KeyScope.ADMIN)


@pytest.fixture
async def guarded(settings: Settings, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has signed in to a service that requires keys."""
    async with connected(create_app(settings.model_copy(update={"allow_anonymous": False}))) as client:
        assert (await client.post("/sign-in", json={"key": key})).status_code == 204
        yield client


def kind(answer: httpx.Response) -> str | None:
    return str(answer.json()["type"]) if answer.headers.get("content-type") == "application/problem+json" else None


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[::1",
        ],
    )
    async def test_foreign_host_without_keys_is_refused_on_every_route(
        self, client: httpx.AsyncClient, host: str
    ) -> None:
        for method, path in EVERY_ROUTE:
            answer = await client.request(method, path, headers={"Host": host})
            assert (answer.status_code, kind(answer)) == (403, PROBLEM + "host-not-allowed"), (method, path)

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:8000", "Box.example:8000"]
    )
    async def test_own_host_without_keys_is_answered(self, client: httpx.AsyncClient, host: str) -> None:
        assert (await client.get("/v1/items", headers={"Host": host})).status_code == 200

    async def test_any_host_with_keys_is_answered(self, guarded: httpx.AsyncClient, key: str) -> None:
        headers = {"Host": "api.internal:8000", "X-API-Key": key}
        assert (await guarded.get("/v1/items", headers=headers)).status_code == 200


class TestOrigin:
    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    async def test_change_from_a_foreign_page_without_keys_is_refused(
        self, client: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        for method, path in UNSAFE_ROUTES:
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, kind(answer)) == (403, PROBLEM + "foreign-origin"), (method, path)
        assert (await client.get("/v1/evaluations")).json()["items"] == []

    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    async def test_change_from_a_foreign_page_with_a_cookie_is_refused(
        self, guarded: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        for method, path in UNSAFE_ROUTES:
            answer = await guarded.request(method, path, headers=headers)
            assert (answer.status_code, kind(answer)) == (403, PROBLEM + "foreign-origin"), (method, path)

    @pytest.mark.parametrize("headers", OWN, ids=str)
    async def test_change_from_an_own_page_or_a_program_is_answered(
        self, client: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        for method, path in UNSAFE_ROUTES:
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code != 403, (method, path)

    async def test_change_from_a_foreign_page_with_a_key_of_its_own_is_answered(
        self, guarded: httpx.AsyncClient, key: str
    ) -> None:
        for method, path in UNSAFE_ROUTES:
            answer = await guarded.request(method, path, headers={"Origin": "http://evil.example", "X-API-Key": key})
            assert answer.status_code != 403, (method, path)

    async def test_stream_of_items_from_a_foreign_page_is_refused_unread(self, client: httpx.AsyncClient) -> None:
        async def unread() -> AsyncIterator[bytes]:
            raise AssertionError("was read")
            yield b""

        headers = {"Origin": "http://evil.example", "Content-Type": "application/x-ndjson"}
        answer = await client.post("/v1/items:batch", headers=headers, content=unread())
        assert kind(answer) == PROBLEM + "foreign-origin"

    async def test_reading_from_a_foreign_page_is_left_to_cors(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/items", headers={"Origin": "http://evil.example"})

        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
