"""Texts that the real language model reads, which is the extra `text`: from a file to the list of a new item."""

import os
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from models.data.reader import read_dataset
from models.fields.sentences import require_installed
from models.train import train
from models.training.preset import Preset
from tests.sentence_data import NEW_DRINK, NEW_GEAR, write_sentence_data

LIKES_DRINKS = [{"item_id": f"i{item}", "rating": 1 if item % 2 else 5} for item in range(6)]


@pytest.fixture(scope="module")
def sentence_model_dir(tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        require_installed("description")
    except ValueError as error:
        if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    directory = tmp_path_factory.mktemp("sentences")
    write_sentence_data(directory / "data")
    train(read_dataset(directory / "data")[0], tiny_preset, directory / "model", data_path=None, research_only=True)
    return directory / "model"


@pytest.fixture
def settings(settings: Settings, sentence_model_dir: Path) -> Settings:
    return settings.model_copy(update={"model_dir": sentence_model_dir})


async def test_new_items_are_ranked_by_what_their_texts_mean(client: httpx.AsyncClient) -> None:
    for item_id, text in (("drink", NEW_DRINK), ("gear", NEW_GEAR)):
        answer = await client.put(f"/v1/items/{item_id}", json={"attributes": {"description": text}})
        assert answer.status_code == 200
        assert (await client.get(f"/v1/items/{item_id}")).json()["attributes"] == {"description": text}
    likes_gear = [{**given, "rating": 6 - int(given["rating"])} for given in LIKES_DRINKS]
    for ratings, best, worst in ((LIKES_DRINKS, "drink", "gear"), (likes_gear, "gear", "drink")):
        answer = await client.post("/v1/recommendations", json={"ratings": ratings, "n": 100, "rank_by": "rating"})
        ranked = [item["item_id"] for item in answer.json()["items"]]
        assert ranked.index(best) < ranked.index(worst)


async def test_schema_calls_the_field_a_text(client: httpx.AsyncClient) -> None:
    fields = (await client.get("/v1/schema")).json()["items"]["fields"]
    assert fields == [{"name": "description", "kind": "text", "dimensions": None, "filterable": False}]
