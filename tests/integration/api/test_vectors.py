from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from models.data.reader import read_dataset
from models.train import train
from models.training.preset import Preset
from tests.vector_data import DIMENSIONS, write_vector_data

FIRST_AXIS = [1.0] + [0.0] * (DIMENSIONS - 1)
SECOND_AXIS = [0.0, 2] + [0.0] * (DIMENSIONS - 2)
LIKES_THE_FIRST_AXIS = [{"item_id": f"i{item}", "rating": 1 if item % 2 else 5} for item in range(6)]


@pytest.fixture(scope="module")
def vector_model_dir(tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vectors")
    write_vector_data(directory / "data")
    train(read_dataset(directory / "data")[0], tiny_preset, directory / "model", data_path=None, research_only=True)
    return directory / "model"


@pytest.fixture
def settings(settings: Settings, vector_model_dir: Path) -> Settings:
    return settings.model_copy(update={"model_dir": vector_model_dir})


async def test_schema_of_a_vector_field_names_its_dimensions(client: httpx.AsyncClient) -> None:
    fields = (await client.get("/v1/schema")).json()["items"]["fields"]
    assert fields == [{"name": "image", "kind": "vector", "dimensions": DIMENSIONS, "filterable": False}]


async def test_new_items_with_vectors_are_ranked_by_them(client: httpx.AsyncClient) -> None:
    for item_id, vector in (("near", FIRST_AXIS), ("far", SECOND_AXIS)):
        answer = await client.put(f"/v1/items/{item_id}", json={"attributes": {"image": vector}})
        assert answer.status_code == 200
        assert (await client.get(f"/v1/items/{item_id}")).json()["attributes"] == {"image": vector}
    body = {"ratings": LIKES_THE_FIRST_AXIS}
    answer = await client.post("/v1/users/ada/ratings", json=body, params={"n": 100})
    ranked = [item["item_id"] for item in answer.json()["recommendations"]["items"]]
    assert ranked.index("near") < ranked.index("far")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (FIRST_AXIS[1:], f"must be a list of {DIMENSIONS} finite numbers, not of {DIMENSIONS - 1}"),
        ("[1, 2]", f"must be a list of {DIMENSIONS} finite numbers"),
        (["1"] * DIMENSIONS, f"must be a list of {DIMENSIONS} finite numbers"),
    ],
)
async def test_wrong_vector_is_refused_with_field_and_reason(
    client: httpx.AsyncClient, value: object, reason: str
) -> None:
    answer = await client.put("/v1/items/new", json={"attributes": {"image": value}})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "attributes.image", "reason": reason}]
    assert (await client.get("/v1/items/new")).status_code == 404


async def test_filter_by_a_vector_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/recommendations", json={"filter": {"image": ["1"]}})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["filter.image"]
