"""A model of the first day that takes ratings, as its schema has a rating scale, and predicts none."""

from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from models.data.reader import read_dataset
from models.first_day import first_day_model
from models.training.preset import load_preset

RATINGS = {"ratings": [{"item_id": "i1", "rating": 5}, {"item_id": "i2", "rating": 1}]}


@pytest.fixture(scope="module")
def first_day_dir(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("first-day") / "model"
    dataset, _ = read_dataset(dataset_dir)
    first_day_model(dataset.schema, dataset.items, load_preset("coldstart-implicit"), output)
    return output


@pytest.fixture
def settings(settings: Settings, first_day_dir: Path) -> Settings:
    return settings.model_copy(update={"model_dir": first_day_dir})


async def test_ratings_change_the_list_and_none_is_predicted(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    before = (await client.get("/v1/users/ada/recommendations")).json()["items"]

    answer = await client.post("/v1/users/ada/ratings", json=RATINGS)

    assert answer.status_code == 200
    items = answer.json()["recommendations"]["items"]
    assert [item["item_id"] for item in items] != [item["item_id"] for item in before]
    assert {item["predicted_rating"] for item in items} == {None}
    assert "could not be measured" not in caplog.text


@pytest.mark.parametrize("path", ["/v1/users/ada/recommendations?rank_by=rating", "/v1/recommendations"])
async def test_list_by_predicted_ratings_is_refused(client: httpx.AsyncClient, path: str) -> None:
    visitor = path == "/v1/recommendations"

    answer = await (client.post(path, json={"rank_by": "rating"}) if visitor else client.get(path))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["rank_by"]


async def test_event_of_a_rating_is_stored(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users/ada/ratings", json=RATINGS)
    version = (await client.get("/v1/model-traffic")).json()["active"]
    event = {"event_id": "1", "type": "rated", "user_id": "ada", "item_id": "i3", "rating": 4, "model_version": version}

    answer = await client.post("/v1/events", json={"events": [event]})

    assert (answer.status_code, answer.json()) == (200, {"stored": 1, "known": 0})


async def test_questions_are_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/questions")

    assert answer.status_code == 200
    assert answer.json()["items"]
