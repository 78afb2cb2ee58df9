import httpx

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected


class TestLiveness:
    async def test_liveness_of_a_running_server_is_alive(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/health/live")).json() == {"status": "alive"}


class TestReadiness:
    async def test_readiness_of_a_working_server_is_ready(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/health/ready")

        assert answer.status_code == 200
        body = answer.json()
        assert body["status"] == "ready"
        assert body["checks"].pop("model").startswith("tiny-")
        assert body["checks"] == {"database": "ok", "cache": "ok"}
        assert body["missing"] == []

    async def test_readiness_without_redis_is_degraded_and_requests_succeed(self, settings: Settings) -> None:
        without_redis = Settings(**settings.model_dump() | {"redis_url": "redis://:secret@127.0.0.1:1"})
        async with connected(create_app(without_redis)) as client:
            answer = await client.get("/health/ready")
            await client.put("/v1/users/ada", json={})
            recommendations = await client.get("/v1/users/ada/recommendations")
            evaluation = await client.post("/v1/evaluations")

        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["checks"]["cache"] == "unavailable"
        assert answer.json()["missing"] == ["cache"]
        assert recommendations.status_code == 200
        assert evaluation.status_code == 202
