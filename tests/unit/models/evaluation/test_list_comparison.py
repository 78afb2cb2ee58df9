"""Versions without ratings are compared by their lists."""

from dataclasses import replace

import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.data.splits import SplitConfig
from models.evaluation.comparison import MIN_USERS, compare
from models.metrics.lists import LIST_NDCG
from models.train import train
from models.training.preset import Preset
from tests.purchases import write_purchases

BY_ID = SplitConfig(by_id=True, new_items=0.0, test_ratings=0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Enough users that a fifth of them, who are held out, can decide."""
    directory = tmp_path_factory.mktemp("data") / "purchases"
    write_purchases(directory, users=240)
    return read_dataset(directory)[0]


@pytest.fixture(scope="module")
def well(dataset: Dataset, implicit_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    output = tmp_path_factory.mktemp("models") / "well"
    return train(dataset, implicit_preset, output, data_path=None, split_config=BY_ID, research_only=True)


@pytest.fixture(scope="module")
def badly(dataset: Dataset, implicit_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    output = tmp_path_factory.mktemp("models") / "badly"
    choice = implicit_preset.choice.model_copy(update={"updates": 1, "updates_per_round": 1})
    preset = implicit_preset.model_copy(update={"choice": choice})
    return train(dataset, preset, output, data_path=None, split_config=BY_ID, research_only=True)


def test_compare_with_a_version_of_worse_lists_is_better(
    well: TrainedModel, badly: TrainedModel, dataset: Dataset
) -> None:
    shares: list[float] = []

    comparison = compare(well, badly, dataset, progress=shares.append)

    assert comparison.users >= MIN_USERS
    assert comparison.better
    measure = comparison.measures[LIST_NDCG.name]
    assert measure.difference.low > 0
    assert measure.difference.value == pytest.approx(measure.new - measure.active)
    assert comparison.verdict.startswith("The new version is better: nDCG@10 ")
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_compare_with_itself_or_with_better_lists_is_not_better(
    well: TrainedModel, badly: TrainedModel, dataset: Dataset
) -> None:
    for new, active in ((well, well), (badly, well)):
        comparison = compare(new, active, dataset)
        assert not comparison.better
        assert "not shown to be better" in comparison.verdict


def test_versions_with_and_without_ratings_are_compared_by_lists(model: TrainedModel, two_tastes: Dataset) -> None:
    comparison = compare(model, replace(model, learner=None), two_tastes)
    assert "mae" not in comparison.measures
    assert LIST_NDCG.name in comparison.measures
