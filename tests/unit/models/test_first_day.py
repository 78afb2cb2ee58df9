"""The first day: lists from a catalogue alone, popularity as it grows, and better lists after training."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.artifact import TrainedModel, load_research_model
from models.data.dataset import Dataset, Entities, Ratings, State
from models.data.entity_table import entity_table
from models.data.episodes import Episode
from models.data.malformed import DataError
from models.data.schema import DatasetSchema
from models.data.splits import Split, SplitConfig
from models.elicitation.strategy import Strategy
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists
from models.evaluation.lists.rankers import ModelRanker
from models.first_day import first_day_model
from models.metrics.lists import LIST_NDCG
from models.ranking import RankingQuery, Recommender
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.self_check import require_finite_predictions
from models.train import train
from models.training.preset import load_preset
from tests.choice import SMALL_CHOICE

ITEMS = 60
SCHEMA = DatasetSchema.model_validate(
    {
        "name": "shop",
        "interactions": {"files": [{"path": "x.csv"}], "user": "user", "item": "item", "kind": "kind"},
        "items": {"fields": [{"name": "shelf", "kind": "categorical"}]},
    }
)
PRESET = load_preset("coldstart-implicit")


def catalogue() -> Entities:
    """Items on six shelves."""
    rows = [(f"i{item}", None, {"shelf": f"s{item % 6}"}) for item in range(ITEMS)]
    return entity_table(SCHEMA.items.fields, rows)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return first_day_model(SCHEMA, catalogue(), PRESET, tmp_path_factory.mktemp("first") / "model")


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def shelves(recommender: Recommender, *kinds: str, n: int = 5) -> list[int]:
    """The shelves of the list after interactions of these kinds with items of shelf 2."""
    interactions = [ItemInteraction(f"i{2 + 6 * place}", kind) for place, kind in enumerate(kinds)]
    ranked = recommender.recommend(RankingQuery({}, [], n, interactions=interactions))
    return [int(item.item_id[1:]) % 6 for item in ranked]


def test_stranger_gets_items_of_all_shelves(recommender: Recommender) -> None:
    assert set(shelves(recommender, n=6)) == set(range(6))


def test_choices_raise_what_is_like_them(recommender: Recommender) -> None:
    assert shelves(recommender, "purchase", "view") == [2] * 5


def test_dislikes_lower_what_is_like_them(recommender: Recommender) -> None:
    shown = shelves(recommender, "dislike", "dislike", n=58)
    assert shown[-8:] == [2] * 8


def test_interactions_raise_the_popularity_of_an_item(recommender: Recommender) -> None:
    popular = recommender.with_new_ratings({"i7": (10, 1.0, 30), "i9": (5, 1.0, 20)})
    stranger = RankingQuery({}, [], 3)
    assert [item.item_id for item in popular.recommend(stranger)][:2] == ["i7", "i9"]
    candidates = popular.candidates(strategy=Strategy.GRADIENT_POPULARITY, n=2)
    assert [candidate.item_id for candidate in candidates] == ["i7", "i9"]


def test_new_item_is_ranked_by_its_attributes(recommender: Recommender) -> None:
    added = recommender.with_changes(entity_table(SCHEMA.items.fields, [("new", None, {"shelf": "s2"})]), ())
    query = RankingQuery({}, [], 9, interactions=[ItemInteraction("i2", "purchase"), ItemInteraction("i8", "purchase")])
    assert "new" in {item.item_id for item in added.recommend(query)}


def test_self_check_passes(recommender: Recommender) -> None:
    require_finite_predictions(recommender)


def test_empty_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the catalogue has no items"):
        first_day_model(SCHEMA, Entities(catalogue().table.clear()), PRESET, tmp_path / "model")


def interactions_of(users: int) -> Dataset:
    """Users choose items of one third of the catalogue, which their shelf does not show, in random order."""
    generator = np.random.default_rng(1)
    chosen = [generator.permutation(np.arange(user % 3 * 20, user % 3 * 20 + 20))[:10] for user in range(users)]
    rows = np.repeat(np.arange(users, dtype=np.int32), 10)
    items = np.concatenate(chosen).astype(np.int32)
    table = pl.DataFrame({"id": [f"u{user}" for user in range(users)]}).with_columns(title=pl.lit(None, pl.String))
    purchase = list(SCHEMA.kinds).index("purchase")
    ratings = Ratings.from_columns(
        user_count=users,
        users=rows,
        items=items,
        values=np.ones(len(items), dtype=np.float32),
        kinds=np.full(len(items), purchase, dtype=np.int8),
    )
    return Dataset(SCHEMA, Entities(table), catalogue(), ratings)


def test_training_on_the_interactions_of_200_users_makes_lists_better(model: TrainedModel, tmp_path: Path) -> None:
    dataset, config = interactions_of(200), SplitConfig(by_id=True, new_items=0.0)
    choice = SMALL_CHOICE.model_copy(update={"neighbour_scale": 30.0, "learning_rate": 1e-2, "updates": 60})
    preset = PRESET.model_copy(update={"choice": choice})
    train(dataset, preset, tmp_path / "model", data_path=None, split_config=config, research_only=True)
    split = Split.of(dataset, config)
    new = np.unique(dataset.ratings.users[split.states == State.USER_COLD]).tolist()
    episodes = [
        Episode.of(
            dataset.ratings,
            state=State.USER_COLD,
            user=user,
            support=np.arange(10 * user, 10 * user + 3),
            query=np.arange(10 * user + 3, 10 * user + 10),
        )
        for user in new
    ]
    ndcg = [
        measure_lists(
            ModelRanker(one, dataset, RankBy.CHOICE), episodes, RankedCatalogue.of(dataset, split.training), size=3
        )
        .values[LIST_NDCG.name]
        .mean()
        for one in (model, load_research_model(tmp_path / "model"))
    ]
    assert len(new) > 20
    # At random, a third of the places is filled with items of the user's third.
    assert ndcg[0] < 0.35
    assert ndcg[1] > ndcg[0] + 0.1
