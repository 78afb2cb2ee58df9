from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from models.data.rating_scale import RatingScale
from models.data.reader import read_dataset
from models.train import train
from tests.fine_data import FINE_PRESET, on_scale

RATINGS = "/v1/users/ada/ratings"


@pytest.fixture(scope="module")
def continuous_model_dir(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("continuous") / "model"
    dataset = on_scale(read_dataset(dataset_dir)[0], RatingScale(minimum=-10, maximum=10, continuous=True))
    train(dataset, FINE_PRESET.with_training(epochs=1), directory, data_path=None, research_only=True)
    return directory


@pytest.fixture
def settings(settings: Settings, continuous_model_dir: Path) -> Settings:
    return settings.model_copy(update={"model_dir": continuous_model_dir})


async def test_schema_says_that_the_scale_is_continuous(client: httpx.AsyncClient) -> None:
    scale = (await client.get("/v1/schema")).json()["rating_scale"]
    assert scale == {"minimum": -10.0, "maximum": 10.0, "continuous": True, "step": None, "liked_from": 5.0}


async def test_every_number_between_the_ends_is_a_rating(client: httpx.AsyncClient) -> None:
    answer = await client.post(RATINGS, json={"ratings": [{"item_id": "i1", "rating": 3.14}]})
    assert answer.status_code == 200
    assert all(0 <= item["like_probability"] <= 1 for item in answer.json()["recommendations"]["items"])
    assert [item["rating"] for item in (await client.get(RATINGS)).json()["items"]] == [3.14]


async def test_rating_beyond_the_ends_is_refused_with_field_and_reason(client: httpx.AsyncClient) -> None:
    answer = await client.post(RATINGS, json={"ratings": [{"item_id": "i1", "rating": 11}]})
    assert answer.status_code == 422
    reason = "must be on the scale from -10 to 10, continuous"
    assert answer.json()["errors"] == [{"field": "ratings.0.rating", "reason": reason}]
    assert (await client.get(RATINGS)).status_code == 404
