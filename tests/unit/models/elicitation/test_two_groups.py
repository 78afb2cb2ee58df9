"""A generated population of two tastes, and a trained learner: the question that tells them apart is known."""

import numpy as np
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.splits import SplitConfig
from models.elicitation.strategy import Strategy
from models.ranking import Recommender
from models.train import train
from models.training.preset import LocalUpdateConfig, Preset, Rule, TrainingConfig
from tests.unit.models.tiny_data import tiny_dataset

# The users of this population have no attributes, and torch warns of layers without inputs.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")

USERS, ITEMS, SPLITTER = 90, 12, 7


def two_groups() -> Dataset:
    """Each user has rated ten of twelve items, all equally often seen.

    One group gives item 7 a 5 and the other a 1. Of the other items, each group likes half by one step, and everybody
    strays by a step from that as often as not.
    """
    generator = np.random.default_rng(0)
    ratings = []
    for user in range(USERS):
        side = 1 if user % 2 else -1
        for item in generator.permutation(ITEMS)[:10].tolist():
            stray = int(generator.integers(-1, 2))
            lean = side if item % 2 else -side
            ratings.append((user, item, 3.0 + 2 * side if item == SPLITTER else float(np.clip(3 + lean + stray, 1, 5))))
    return tiny_dataset(ratings, users=USERS, items=ITEMS)


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    preset = Preset(
        name="two-groups",
        local_update=LocalUpdateConfig(rule=Rule.CLOSED_FORM),
        training=TrainingConfig(epochs=25, patience=25, batch_users=16, learning_rate=1e-2, max_query=8),
    )
    output = tmp_path_factory.mktemp("models") / "two-groups"
    split = SplitConfig(new_users=0.0, new_items=0.0)
    model: TrainedModel = train(two_groups(), preset, output, data_path=output, split_config=split)
    return Recommender(model, model.items)


def first_question(recommender: Recommender, **known: list[str]) -> str:
    (candidate,) = recommender.candidates(strategy=Strategy.SEQUENTIAL, n=1, **known)  # type: ignore[arg-type]
    return candidate.item_id


def test_the_splitting_item_is_asked_about_first(recommender: Recommender) -> None:
    assert first_question(recommender) == f"i{SPLITTER}"


def test_and_never_again(recommender: Recommender) -> None:
    assert first_question(recommender, rated=[f"i{SPLITTER}"]) != f"i{SPLITTER}"
    assert first_question(recommender, skipped=[f"i{SPLITTER}"]) != f"i{SPLITTER}"
