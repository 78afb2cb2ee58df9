"""People who open a wrong address get a page; programs get a problem."""

import httpx
import pytest

from app.main import create_app
from app.services.api_keys import APIKeyService
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade
from app.storage.tables import KeyScope
from app.web.error_pages import prefers_html
from tests.integration.running import connected

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because the pages do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nothing", 404, "There is nothing at this address"),
        ("GET", "/assets/nothing", 404, "There is nothing at this address"),
        ("GET", "/v1/users/nobody", 404, "There is no user &#39;nobody&#39;."),
        ("GET", "/evaluations/nothing", 404, "There is no evaluation &#39;nothing&#39;."),
        ("GET", "/evaluations/compare", 422, "one: Field required"),
        ("GET", "/v1/events", 405, "/v1/events has POST, but no GET."),
        ("GET", "/<script>alert(1)</script>", 404, "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
async def test_browser_with_a_wrong_address_gets_a_page(
    client: httpx.AsyncClient, method: str, path: str, status: int, said: str
) -> None:
    shown = await client.request(method, path, headers=BROWSER)
    problem = await client.request(method, path)

    assert (shown.status_code, problem.status_code) == (status, status)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    assert said in shown.text
    assert 'href="/"' in shown.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert shown.headers.get("allow") == problem.headers.get("allow")
    assert int(shown.headers["content-length"]) == len(shown.content)


async def test_browser_without_a_key_gets_a_page_that_leads_to_signing_in(settings: Settings) -> None:
    async with open_database(settings.database_url.get_secret_value()) as database:
        await upgrade(database)
        await APIKeyService(database, required=True).create("x", KeyScope.READ)
    async with connected(create_app(settings.model_copy(update={"allow_anonymous": False}))) as client:
        shown = await client.get("/v1/items?limit=3", headers=BROWSER)

    assert shown.status_code == 401
    assert shown.headers["www-authenticate"] == "APIKey"
    assert 'href="/sign-in?next=%2Fv1%2Fitems%3Flimit%3D3"' in shown.text


async def test_browser_at_a_foreign_host_name_gets_a_page(client: httpx.AsyncClient) -> None:
    shown = await client.get("/", headers=BROWSER | {"Host": "evil.example"})

    assert shown.status_code == 403
    assert "answers only for loopback addresses" in shown.text


async def test_pages_and_answers_of_the_api_stay_as_they_are(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/schema", headers=BROWSER)).headers["content-type"] == "application/json"
    assert "There is nothing" not in (await client.get("/models", headers=BROWSER)).text


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER["accept"], True),
        ("text/html", True),
        ("application/json;q=0.5, Text/HTML;q=0.9", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html, application/json", False),
        ("text/html;q=0.5, application/problem+json", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
    ],
)
def test_html_is_preferred_if_it_is_named_before_json(accept: str, expected: bool) -> None:
    assert prefers_html(accept) is expected
