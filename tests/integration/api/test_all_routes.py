"""What holds for every route: HEAD is answered like GET, and unknown query parameters are refused."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected

# Headers that differ between two equal requests.
CHANGING = {"x-request-id", "server-timing"}


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because nothing here depends on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(app) as client:
        yield client


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route, with `x` for ids; without mounted files."""
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, re.sub(r"\{\w+\}", "x", str(route.path))


def is_api(path: str) -> bool:
    return path.startswith(("/v1/", "/health/", "/metrics"))


async def test_every_route_of_the_api_refuses_unknown_query_parameters(app: FastAPI, client: httpx.AsyncClient) -> None:
    paths = [(method, path) for method, path in routes(app) if is_api(path)]
    assert len(paths) > 35
    for method, path in paths:
        answer = await client.request(method, path, params={"unheard_of": "1"})
        assert answer.status_code == 422, (method, path)
        assert answer.json()["errors"][0]["field"] == "unheard_of", (method, path)


async def test_misspelt_parameter_is_named_with_the_nearest_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/candidates?stratgy=random&N=3&strategy=random")

    assert answer.json()["errors"] == [
        {"field": "stratgy", "reason": "is not a parameter of this request; did you mean strategy?"},
        {"field": "N", "reason": "is not a parameter of this request; did you mean n?"},
    ]


async def test_documented_parameters_are_accepted_by_every_operation(app: FastAPI, client: httpx.AsyncClient) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            answer = await client.request(method, re.sub(r"\{\w+\}", "x", path), params=dict.fromkeys(names, "x"))
            assert "is not a parameter" not in answer.text, (method, path)


async def test_pages_ignore_parameters_that_other_sites_add_to_links(client: httpx.AsyncClient) -> None:
    for path in ("/", "/models", "/evaluations", "/sign-in", "/docs"):
        assert (await client.get(path, params={"utm_source": "x"})).status_code == 200


async def test_head_is_answered_like_get_without_a_body(app: FastAPI, client: httpx.AsyncClient) -> None:
    paths = [path for method, path in routes(app) if method == "GET"]
    page = (await client.get("/")).text
    for path in [*paths, "/v1/users/ada/recommendations?n=3", "/nothing", *re.findall(r'"(/assets/[^"#]+)', page)]:
        got, head = await client.get(path), await client.head(path)

        assert head.status_code == got.status_code, path
        assert head.content == b"", path
        if path != "/metrics":  # which grow
            assert comparable(head) == comparable(got), path


async def test_head_needs_what_get_needs(settings: Settings) -> None:
    async with connected(create_app(settings)) as client:
        assert (await client.head("/v1/items", headers={"Host": "evil.example"})).status_code == 403
        assert (await client.head("/v1/events")).status_code == 405


def comparable(answer: httpx.Response) -> dict[str, str]:
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
    if answer.status_code >= 400:
        del headers["content-length"]  # a problem names the request
    return headers


async def test_unsupported_method_of_any_route_names_the_supported_ones(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    (style,) = re.findall(r'"(/assets/[^"]+/base.css)"', page)
    for path, allowed in {
        "/v1/users/ada/ratings": "GET, HEAD, POST",
        "/v1/events": "POST",
        "/sign-in": "DELETE, GET, HEAD, POST",
        "/models": "GET, HEAD",
        style: "GET, HEAD",
    }.items():
        answer = await client.patch(path)
        assert answer.status_code == 405, path
        assert answer.headers["allow"] == allowed, path
        assert answer.headers["content-type"] == "application/problem+json", path
