"""The proxy of deploy/caddy, in front of a real server."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.integration.running import ROOT, server

CADDYFILE = ROOT / "deploy" / "caddy" / "Caddyfile"
KEY = "coldstart_not-a-key-that-exists"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because the proxy does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def caddy() -> str:
    """The path of Caddy."""
    found = shutil.which("caddy")
    if found is None:
        if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1":
            pytest.fail("Caddy is not installed")
        pytest.skip("Caddy is not installed")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def proxy(caddy: str, upstream: str, directory: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """A client of a proxy in front of the server, and the file with the proxy's log."""
    port = free_port()
    variables = os.environ | {
        "COLDSTART_SITE": f"http://127.0.0.1:{port}",
        "COLDSTART_UPSTREAM": "127.0.0.1",
        "COLDSTART_UPSTREAM_PORT": upstream.rpartition(":")[2],
        "XDG_DATA_HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
    }
    adapted = subprocess.run(
        [caddy, "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env=variables,
        check=True,
        capture_output=True,
    )
    # Tests run in parallel, and Caddy's admin API would use the same port in all of them.
    configuration = json.loads(adapted.stdout) | {"admin": {"disabled": True}}
    (directory / "caddy.json").write_text(json.dumps(configuration), encoding="utf-8")
    log = directory / "caddy.log"
    with log.open("w") as written:
        command = [caddy, "run", "--config", str(directory / "caddy.json")]
        running = subprocess.Popen(command, env=variables, stderr=written)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                deadline = time.monotonic() + 60
                while not listens(port):
                    assert running.poll() is None, log.read_text(encoding="utf-8")
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                yield client, log
        finally:
            running.terminate()
            running.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_proxy_passes_api_requests_and_hides_the_metrics(settings: Settings, caddy: str, tmp_path: Path) -> None:
    with server(settings) as (_, address), proxy(caddy, address, tmp_path) as (client, _):
        body = {"ratings": [{"item_id": "i1", "rating": 5}]}
        assert client.post("/v1/users/ada/ratings", json=body).status_code == 200
        assert client.get("/v1/users/ada/ratings").json()["items"][0]["item_id"] == "i1"
        assert client.get("/health/ready").json()["status"] == "ready"
        assert httpx.get(f"{address}/metrics").status_code == 200
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics/").status_code == 404


def test_proxy_ignores_a_client_address_that_the_client_claims(
    settings: Settings, caddy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # as docker-compose.yml and deploy/kubernetes set it
    limited = settings.model_copy(update={"rate_limit": "2/hour"})
    with server(limited) as (_, address), proxy(caddy, address, tmp_path) as (client, _):
        answers = [
            client.get("/v1/items", headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code for number in range(3)
        ]
        direct = httpx.get(f"{address}/v1/items", headers={"X-Forwarded-For": "192.0.2.9"})

    assert answers == [200, 200, 429]
    assert direct.status_code == 200  # requests through the proxy were counted for the address that the proxy gave


def test_proxy_log_contains_no_keys(settings: Settings, caddy: str, tmp_path: Path) -> None:
    headers = {"X-API-Key": KEY, "Cookie": f"coldstart_key={KEY}"}
    with server(settings) as (process, address), proxy(caddy, address, tmp_path) as (client, log):
        assert client.get("/v1/items?query=logged", headers=headers).status_code == 200
        process.kill()
        process.join()
        assert client.get("/v1/items?query=failed", headers=headers).status_code == 502

    written = log.read_text(encoding="utf-8")
    assert "query=logged" in written
    assert "query=failed" in written
    assert KEY not in written
