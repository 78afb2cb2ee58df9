"""The server and a worker in separate processes."""

import asyncio

import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected, process
from tests.waiting import until_job

pytestmark = pytest.mark.services

WORKER = "from app.jobs.worker import run_worker; from app.settings import Settings; run_worker(Settings())"

EVALUATION = {"baselines": ["global mean"], "bootstrap_resamples": 100}


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    """Settings with Redis, and therefore without an embedded worker."""
    return Settings(**settings.model_dump(exclude={"run_worker"}) | {"redis_url": redis_url})


async def test_worker_process_does_the_jobs_of_the_server(settings: Settings) -> None:
    async with connected(create_app(settings)) as client:
        location = (await client.post("/v1/evaluations", json=EVALUATION)).headers["location"]
        with process(settings, WORKER) as worker:
            job = await until_job(client, location, "succeeded", "failed")
            assert job["error"] is None
            assert len(job["report"]["states"]) == 4
            assert (await client.get("/health/ready")).json()["checks"]["cache"] == "ok"

            worker.terminate()
            await asyncio.to_thread(worker.join, 20)
            assert worker.exitcode == 0
