import re

import httpx
import pytest


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because these pages do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/", "/scenarios", "/models", "/evaluations", "/sign-in"])
async def test_page_loads_nothing_from_elsewhere_and_all_it_needs_is_there(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await client.get(path)
    loaded = re.findall(r'(?:src|href|spec-url)="([^"#]+)', page.text)

    assert page.status_code == 200
    assert len(loaded) >= 4
    assert not re.findall(r"(?:https?:)?//\w", page.text)
    for each in loaded:
        assert (await client.get(each)).status_code == 200, each


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_documentation_has_a_policy_without_inline_scripts_and_other_hosts(
    client: httpx.AsyncClient, path: str
) -> None:
    policy = dict(
        part.split(" ", 1) for part in (await client.get(path)).headers["content-security-policy"].split("; ")
    )

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert not re.search(r"https?:|\*", " ".join(policy.values()))


async def test_script_of_redoc_names_no_picture_of_another_host(client: httpx.AsyncClient) -> None:
    (script,) = re.findall(r'src="([^"]+redoc[^"]+)"', (await client.get("/redoc")).text)
    answer = await client.get(script)

    assert answer.headers["cache-control"].endswith("immutable")
    assert "cdn.redoc.ly" not in answer.text
    assert "/icon.svg" in answer.text
