"""Elicitation with a trained learner on generated users with two tastes. The most informative item is known."""

import numpy as np
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.splits import SplitConfig
from models.elicitation.strategy import Strategy
from models.learners.closed_form import ClosedFormConfig
from models.ranking import Recommender
from models.train import train
from models.training.preset import Preset, TrainingConfig
from tests.choice import SMALL_CHOICE
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS, SPLITTER = 90, 12, 7


def two_groups() -> Dataset:
    """Each user has rated ten of twelve items. All items are rated about equally often.

    One group rates item 7 with 5, the other with 1. Each group rates half of the other items one step above 3 and the
    rest one step below, plus a random step of −1, 0 or 1.
    """
    generator = np.random.default_rng(0)
    ratings = []
    for user in range(USERS):
        side = 1 if user % 2 else -1
        for item in generator.permutation(ITEMS)[:10].tolist():
            noise = int(generator.integers(-1, 2))
            lean = side if item % 2 else -side
            ratings.append((user, item, 3.0 + 2 * side if item == SPLITTER else float(np.clip(3 + lean + noise, 1, 5))))
    return tiny_dataset(ratings, users=USERS, items=ITEMS)


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    preset = Preset(
        name="two-groups",
        learner=ClosedFormConfig(),
        choice=SMALL_CHOICE,
        training=TrainingConfig(epochs=25, patience=25, batch_users=16, learning_rate=1e-2, max_query=8),
    )
    output = tmp_path_factory.mktemp("models") / "two-groups"
    split = SplitConfig(new_users=0.0, new_items=0.0)
    model: TrainedModel = train(two_groups(), preset, output, data_path=output, split_config=split, research_only=True)
    return Recommender(model, model.items)


def first_candidate(recommender: Recommender, **known: list[str]) -> str:
    (candidate,) = recommender.candidates(strategy=Strategy.SEQUENTIAL, n=1, **known)  # type: ignore[arg-type]
    return candidate.item_id


def test_first_candidate_is_the_item_that_separates_the_groups(recommender: Recommender) -> None:
    assert first_candidate(recommender) == f"i{SPLITTER}"


def test_first_candidate_after_rating_or_skipping_the_item_is_another(recommender: Recommender) -> None:
    assert first_candidate(recommender, rated=[f"i{SPLITTER}"]) != f"i{SPLITTER}"
    assert first_candidate(recommender, skipped=[f"i{SPLITTER}"]) != f"i{SPLITTER}"
