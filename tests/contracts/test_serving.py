"""Every learner, trained, registered and activated, answers the three uses over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services.container import open_services
from app.settings import Settings
from models.artifact import TrainedModel, save_artifact
from models.data.dataset import Dataset
from models.elicitation.strategy import Strategy
from tests.artifacts import parts_of
from tests.contracts.cases import COMPLETE, trained
from tests.integration.running import connected
from tests.waiting import until_async

STRATEGIES = list(Strategy)
RATINGS = [{"item_id": "i1", "rating": 5}, {"item_id": "i3", "rating": 5}, {"item_id": "i2", "rating": 1}]
EVALUATION = {
    "states": ["user_cold"],
    "min_ratings": 4,
    "query_size": 2,
    "bootstrap_resamples": 100,
    "baselines": ["support mean"],
    "list_baselines": ["popularity"],
}
"""Quick: other tests evaluate baselines."""


@pytest.fixture(scope="module", params=COMPLETE)
def model(request: pytest.FixtureRequest, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """Each learner, trained for a moment."""
    return trained(request.param, dataset, tmp_path_factory.mktemp("served"))


@pytest.fixture
async def client(
    model: TrainedModel, model_dir: Path, dataset_dir: Path, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server on which the model was registered and activated while another one served."""
    artifact = tmp_path / "artifact"
    data = model.manifest.data.model_copy(update={"path": str(dataset_dir)})
    save_artifact(artifact, parts_of(model, manifest=model.manifest.model_copy(update={"data": data})))
    settings = Settings(
        state_dir=tmp_path / "state", redis_url=None, model_dir=model_dir, data_dir=dataset_dir, run_worker=True
    )
    async with connected(create_app(settings)) as client:
        async with open_services(settings) as services:
            version = await services.model_versions.register(artifact)
        answer = await client.post(f"/v1/model-versions/{version}:activate")
        assert answer.status_code == 200, answer.text

        async def serves() -> bool:
            served = (await client.post("/v1/recommendations", json={})).json()["model_version"]
            return bool(served == version)

        await until_async(serves)
        yield client


async def test_learner_when_activated_answers_the_three_uses(client: httpx.AsyncClient) -> None:
    for strategy in STRATEGIES:
        answer = await client.get("/v1/candidates", params={"n": 5, "strategy": strategy})
        assert answer.status_code == 200, answer.text
        candidates = [candidate["item_id"] for candidate in answer.json()["items"]]
        assert len(set(candidates)) == 5

    answer = await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS, "attributes": {"country": "fr"}})
    assert answer.status_code == 200, answer.text
    recommended = answer.json()["recommendations"]["items"]
    assert len(recommended) == 10
    assert not {item["item_id"] for item in recommended} & {rating["item_id"] for rating in RATINGS}
    assert all(1 <= item["predicted_rating"] <= 5 for item in recommended)
    assert all(0 < item["choice_probability"] < 1 for item in recommended)
    by_rating = await client.get("/v1/users/ada/recommendations", params={"rank_by": "rating"})
    assert by_rating.status_code == 200, by_rating.text
    predicted = [item["predicted_rating"] for item in by_rating.json()["items"]]
    assert predicted == sorted(predicted, reverse=True)

    answer = await client.post("/v1/evaluations", json=EVALUATION)
    assert answer.status_code == 202, answer.text
    location = answer.headers["Location"]

    async def is_over() -> bool:
        return (await client.get(location)).json()["status"] not in {"queued", "running"}

    await until_async(is_over)
    job = (await client.get(location)).json()
    assert job["status"] == "succeeded", job
    (state,) = (await client.get(f"{location}/report")).json()["states"]
    assert state["users"] > 0
    assert all(0 <= predictor["measures"]["mae"]["value"] <= 4 for predictor in state["predictors"])
