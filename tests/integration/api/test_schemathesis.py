"""Schemathesis sends thousands of requests made from the OpenAPI document, single and in sequences.

No answer has a status of 500 or more, an undeclared status, or a body or headers that contradict the schema. No request
that contradicts the schema is accepted, and none without a key.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.services.api_keys import APIKeyService
from app.services.container import open_services
from app.settings import Settings
from app.storage.database import open_database
from app.storage.tables import KeyScope
from tests.integration.running import ROOT, do_next_job, server

CONFIG = Path(__file__).with_name("schemathesis.toml")


# The requests contradict or fit the document, whatever the database. PostgreSQL is the stricter one.
pytestmark = [
    pytest.mark.services,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that require keys, as in production."""
    return settings.model_copy(update={"allow_anonymous": False})


async def create_key(settings: Settings) -> str:
    async with open_database(settings.database_url.get_secret_value()) as database:
        return await APIKeyService(database, required=True).create("schemathesis", KeyScope.ADMIN)


def finished_evaluation(client: httpx.Client, settings: Settings) -> str:
    body = {"states": ["user_cold"], "bootstrap_resamples": 100}
    evaluation_id: str = client.post("/v1/evaluations", json=body).json()["evaluation_id"]
    do_next_job(settings)
    return evaluation_id


def finished_list_export(client: httpx.Client, settings: Settings) -> str:
    list_export_id: str = client.post("/v1/list-exports").json()["list_export_id"]
    do_next_job(settings)
    return list_export_id


async def register(settings: Settings, model: Path) -> str:
    async with open_services(settings) as services:
        return await services.model_versions.register(model)


def rate_something(client: httpx.Client) -> str:
    """Add what the users did that schemathesis.toml names, and return the id of the question that `rater` answered."""
    ratings = [{"item_id": f"i{20 + item}", "rating": 1 + item} for item in range(5)]
    for user_id in ("u1", "u2", "u3", "rater"):
        assert client.post(f"/v1/users/{user_id}/ratings", json={"ratings": ratings}).status_code == 200
    interactions = [{"item_id": f"i{item}", "kind": "view", "event_id": f"e{item}"} for item in range(5)]
    assert client.post("/v1/users/rater/interactions", json={"interactions": interactions}).status_code == 200
    answer = {"kind": "pair", "item_ids": ["i1", "i2"], "preferred": "i1"}
    stored = client.post("/v1/users/rater/answers", json={"answers": [answer]}).json()
    question_id: str = stored["answers"][0]["question_id"]
    return question_id


def operations_that_succeeded(client: httpx.Client) -> set[tuple[str, str]]:
    """Method and path of operations that were answered with a status below 300, from the service's metrics."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample.labels for family in families for sample in family.samples if "status" in sample.labels]
    return {(labels["method"], labels["route"]) for labels in samples if labels["status"] < "300"}


def test_generated_requests_find_no_violation_of_the_openapi_document(
    settings: Settings, other_model_dir: Path
) -> None:
    key = asyncio.run(create_key(settings))
    challenger = asyncio.run(register(settings, other_model_dir))
    with server(settings) as (_, address), httpx.Client(base_url=address, headers={"X-API-Key": key}) as client:
        question_id = rate_something(client)
        evaluation_id = finished_evaluation(client, settings)
        list_export_id = finished_list_export(client, settings)
        run = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", f"{address}/openapi.json"],
            cwd=ROOT,
            env=os.environ
            | {
                "COLDSTART_TEST_KEY": key,
                "COLDSTART_TEST_QUESTION": question_id,
                "COLDSTART_TEST_EVALUATION": evaluation_id,
                "COLDSTART_TEST_LIST_EXPORT": list_export_id,
                "COLDSTART_TEST_VERSION": client.get("/v1/model-traffic").json()["active"],
                "COLDSTART_TEST_CHALLENGER": challenger,
                "COLDSTART_TEST_ARTIFACT": str(other_model_dir),
                "NO_COLOR": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

        assert run.returncode == 0, run.stdout
        paths = client.get("/openapi.json").json()["paths"]
        never_reached = {
            (method.upper(), path) for path, methods in paths.items() for method in methods
        } - operations_that_succeeded(client)
        assert not never_reached, (
            f"no request succeeded for {never_reached}: add links, or values in {CONFIG.name}\n{run.stdout}"
        )
