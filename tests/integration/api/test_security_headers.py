import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because the headers do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"model_dir": None})


@pytest.mark.parametrize("path", ["/v1/items", "/v1/users/nobody", "/nothing", "/health/live", "/", "/docs"])
async def test_answer_has_headers_against_sniffing_framing_and_referrers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == ("no-cache" if path in {"/", "/docs"} else "no-store")


async def test_answer_of_the_api_has_a_policy_that_loads_nothing(client: httpx.AsyncClient) -> None:
    assert "default-src 'none'" in (await client.get("/v1/items")).headers["content-security-policy"]


class TestCORS:
    FROM_SHOP = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}  # noqa: RUF012

    async def test_cors_by_default_is_closed(self, client: httpx.AsyncClient) -> None:
        assert (await client.options("/v1/recommendations", headers=self.FROM_SHOP)).status_code == 405
        answer = await client.get("/v1/items", headers=self.FROM_SHOP)
        assert not [name for name in answer.headers if name.startswith("access-control")]

    async def test_cors_with_configured_origins_is_open_to_them_alone(self, settings: Settings) -> None:
        shop = settings.model_copy(update={"cors_origins": ("https://shop.example",), "allow_anonymous": True})
        async with connected(create_app(shop)) as client:
            asked = {**self.FROM_SHOP, "Access-Control-Request-Headers": "x-api-key,content-type"}
            answer = await client.options("/v1/recommendations", headers=asked)
            other = await client.options("/v1/recommendations", headers={**asked, "Origin": "https://other.example"})

        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-credentials" not in answer.headers
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/candidates?" + "exclude=i1&" * 501, "exclude"),
        ("/v1/candidates?" + "skipped=i1&" * 501, "skipped"),
        ("/v1/candidates?" + "filter=a:b&" * 101, "filter"),
        ("/v1/items?cursor=" + "x" * 1001, "cursor"),
    ],
)
async def test_query_with_too_long_a_list_or_text_is_refused(client: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
