"""Vectors from a file to a ranking: a new item is predicted like the items near it."""

import numpy as np
import pytest

from models.artifact import TrainedModel, load_artifact
from models.data.entity_table import entity_table
from models.data.reader import read_dataset
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.query import RankBy
from models.train import train
from models.training.preset import Preset, load_preset
from tests.vector_data import DIMENSIONS, vector_near, write_vector_data

LIKES_THE_FIRST_AXIS = [
    ItemRating(item_id, rating) for item_id, rating in (("i0", 5.0), ("i2", 5.0), ("i1", 1.0), ("i3", 1.0))
]
LIKES_THE_SECOND_AXIS = [ItemRating(given.item_id, 6.0 - given.rating) for given in LIKES_THE_FIRST_AXIS]


@pytest.fixture(scope="module", params=["gradient", "closed form"])
def vector_model(
    request: pytest.FixtureRequest, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    directory = tmp_path_factory.mktemp("vectors")
    write_vector_data(directory / "data")
    preset = tiny_preset
    if request.param == "closed form":
        preset = load_preset("coldstart").model_copy(
            update={"name": "tiny", "training": tiny_preset.training, "choice": tiny_preset.choice}
        )
    train(read_dataset(directory / "data")[0], preset, directory / "model", data_path=None, research_only=True)
    return load_artifact(directory / "model")


@pytest.mark.parametrize(("ratings", "best"), [(LIKES_THE_FIRST_AXIS, "first"), (LIKES_THE_SECOND_AXIS, "second")])
def test_new_item_near_liked_items_ranks_above_a_distant_one(
    vector_model: TrainedModel, ratings: list[ItemRating], best: str
) -> None:
    generator = np.random.default_rng(1)
    new = {"first": vector_near(0, generator), "second": vector_near(1, generator)}
    rows = [(item_id, None, {"image": vector.tolist()}) for item_id, vector in new.items()]
    changed = entity_table(vector_model.schema.items.fields, rows)
    recommender = Recommender(vector_model, vector_model.items).with_changes(changed, [])
    # In these data, users choose items at random.
    query = RankingQuery(attributes={}, ratings=ratings, n=100, rank_by=RankBy.RATING)
    ranked = [item.item_id for item in recommender.recommend(query)]
    places = {name: ranked.index(name) for name in new}
    assert min(places, key=places.__getitem__) == best
    assert places[best] < len(ranked) / 2 < max(places.values())


def test_artifact_holds_the_dimensions(vector_model: TrainedModel) -> None:
    assert vector_model.schema.items.field("image").dimensions == DIMENSIONS


def test_list_of_an_unknown_user_may_have_items_without_a_vector(vector_model: TrainedModel) -> None:
    blank = entity_table(vector_model.schema.items.fields, [("blank", None, {})])
    recommender = Recommender(vector_model, vector_model.items).with_changes(blank, [])
    ranked = recommender.recommend(RankingQuery(attributes={}, ratings=[], n=100))
    assert "blank" in {item.item_id for item in ranked}


def test_item_with_a_vector_unlike_all_others_tops_nobodys_list(vector_model: TrainedModel) -> None:
    opposite = {"image": [-1e9, -1e9, *[0.0] * (DIMENSIONS - 2)]}
    changed = entity_table(vector_model.schema.items.fields, [("odd", None, opposite)])
    recommender = Recommender(vector_model, vector_model.items).with_changes(changed, [])
    for ratings in (LIKES_THE_FIRST_AXIS, LIKES_THE_SECOND_AXIS):
        ranked = [item.item_id for item in recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=100))]
        assert ranked.index("odd") >= 10
