import asyncio
import time
from collections.abc import Iterable
from unittest.mock import AsyncMock

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from app.settings import Settings
from models.artifact import load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender
from tests.integration.running import connected

Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because the metrics of requests do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


async def scrape(client: httpx.AsyncClient) -> dict[Sample, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: dict[Sample, float], name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


class Change:
    """The change of metrics between two scrapes. Metrics belong to the process, so other tests have counted too."""

    def __init__(self, before: dict[Sample, float], after: dict[Sample, float]) -> None:
        self._before, self._after = before, after

    def __call__(self, name: str, **labels: str) -> float:
        return value(self._after, name, **labels) - value(self._before, name, **labels)


def ratings(items: Iterable[int], rating: int = 5) -> dict[str, object]:
    return {"ratings": [{"item_id": f"i{item}", "rating": rating} for item in items]}


async def test_request_metrics_have_route_templates_and_no_ids(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    await client.get("/v1/users/nobody")
    await client.get("/v1/items/i1")
    await client.get("/v1/nowhere")
    await client.request("BREW", "/v1/items/i1")
    after = await scrape(client)
    since = Change(before, after)

    assert since("coldstart_http_requests_total", method="GET", route="/v1/users/{user_id}", status="404") == 1
    assert since("coldstart_http_requests_total", method="GET", route="/v1/items/{item_id}", status="200") == 1
    assert since("coldstart_http_requests_total", method="GET", route="none", status="404") == 1
    assert since("coldstart_http_request_seconds_count", method="GET", route="/v1/items/{item_id}") == 1
    assert since("coldstart_http_requests_total", method="other", route="/v1/items/{item_id}", status="405") == 1
    assert value(after, "coldstart_http_requests_in_progress") == 1  # the request for the metrics
    assert not {"i1", "/v1/items/i1", "nobody", "/v1/users/nobody", "/v1/nowhere"} & {
        label for _, labels in after for _, label in labels
    }


async def test_unexpected_error_is_counted_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await scrape(client)
    with monkeypatch.context() as broken:
        broken.setattr("app.services.health.HealthService.report", AsyncMock(side_effect=ZeroDivisionError))
        await client.get("/health/ready")
    since = Change(before, await scrape(client))

    assert since("coldstart_http_requests_total", method="GET", route="/health/ready", status="500") == 1


async def test_ranking_metrics_count_phases_rating_counts_and_cache_hits(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    await client.post("/v1/recommendations", json={})
    await client.post("/v1/users/ada/ratings", json=ratings(range(3)))
    await client.post("/v1/users/bob/ratings", json=ratings(range(12)))
    for _ in range(3):
        await client.get("/v1/users/ada/recommendations")
    since = Change(before, await scrape(client))

    for phase, count in {"store": 2, "rank": 4, "read_ratings": 1, "read": 6}.items():
        assert since("coldstart_phase_seconds_count", phase=phase) == count
        assert since("coldstart_phase_wait_seconds_count", phase=phase) == count
        assert since("coldstart_batch_requests_sum", phase=phase) == count
    assert [since("coldstart_rankings_total", ratings=known) for known in ("0", "1-9", "10+")] == [1, 2, 1]
    assert since("coldstart_cache_requests_total", result="miss") == 1
    assert since("coldstart_cache_requests_total", result="hit") == 2


async def test_online_error_of_new_ratings_is_measured_before_adaptation_to_them(
    settings: Settings,
) -> None:
    assert settings.model_dir is not None
    model = load_artifact(settings.model_dir, device="cpu")
    recommender = Recommender(model, model.items)
    known = [ItemRating(f"i{item}", 5.0) for item in (1, 3, 5)]
    query = RankingQuery(attributes={}, ratings=known, n=0)
    (medians,) = recommender.predicted_ratings([query], [["i7", "i2", "nothing"]])
    assert medians[2] is None
    expected = sum(abs(2 - median) for median in medians[:2] if median is not None)

    async with connected(create_app(settings)) as client:
        await client.post("/v1/users/ada/ratings", json=ratings((1, 3, 5)))
        await asyncio.sleep(0.2)  # within this time the service takes one sample
        before = await scrape(client)
        await client.post("/v1/users/ada/ratings", json=ratings((7, 2), rating=2))
        deadline = time.monotonic() + 10
        since = Change(before, await scrape(client))
        while not since("coldstart_online_absolute_error_count", ratings="1-9") and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            since = Change(before, await scrape(client))

    assert since("coldstart_online_absolute_error_count", ratings="1-9") == 2
    assert since("coldstart_online_absolute_error_sum", ratings="1-9") == pytest.approx(expected, abs=1e-5)


async def test_state_metrics_of_a_ready_server_show_model_and_dependencies(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    assert settings.model_dir is not None
    manifest = load_artifact(settings.model_dir, device="cpu").manifest
    samples = await scrape(client)

    for part in ("database", "model", "cache"):
        assert value(samples, "coldstart_dependency_up", dependency=part) == 1
    assert value(samples, "coldstart_model_created_timestamp_seconds") == manifest.created_at.timestamp()
    assert value(samples, "coldstart_model_validation_absolute_error") == manifest.metrics["validation_mae"]
    assert value(samples, "coldstart_jobs", status="queued") == 0


async def test_dependency_metric_without_redis_is_zero(settings: Settings) -> None:
    without_redis = Settings(**settings.model_dump() | {"redis_url": "redis://127.0.0.1:1"})
    async with connected(create_app(without_redis)) as client:
        samples = await scrape(client)

    assert value(samples, "coldstart_dependency_up", dependency="database") == 1
    assert value(samples, "coldstart_dependency_up", dependency="cache") == 0


async def test_job_metric_counts_jobs_by_status(settings: Settings) -> None:
    async with connected(create_app(settings)) as client:
        for _ in range(2):
            assert (await client.post("/v1/evaluations")).status_code == 202
        first = (await client.get("/v1/evaluations")).json()["items"][0]["evaluation_id"]
        await client.delete(f"/v1/evaluations/{first}")
        samples = await scrape(client)

    assert value(samples, "coldstart_jobs", status="queued") == 1
    assert value(samples, "coldstart_jobs", status="cancelled") == 1


async def test_refused_ranking_is_counted(settings: Settings) -> None:
    full = settings.model_copy(update={"max_rankings": 0})
    async with connected(create_app(full)) as client:
        before = await scrape(client)
        assert (await client.post("/v1/recommendations", json={})).status_code == 503
        since = Change(before, await scrape(client))

    assert since("coldstart_rankings_refused_total") == 1


async def test_metrics_route_is_not_in_the_openapi_document(client: httpx.AsyncClient) -> None:
    assert "/metrics" not in (await client.get("/openapi.json")).json()["paths"]
