"""Each learner, preset and baseline, trained once for all contract tests."""

from pathlib import Path

import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from tests.contracts.cases import BASELINES, PRESETS, Case, baseline_case, learner_case, trained


@pytest.fixture(scope="session")
def dataset(dataset_dir: Path) -> Dataset:
    """Two tastes: 120 users, 40 films, of which the newest eight have no training ratings."""
    return read_dataset(dataset_dir)[0]


@pytest.fixture(scope="module", params=PRESETS)
def model(request: pytest.FixtureRequest, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """Each learner and preset, trained for a moment."""
    return trained(request.param, dataset, tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def learner(model: TrainedModel, dataset: Dataset) -> Case:
    """Each learner and preset as a predictor."""
    return learner_case(model, dataset)


@pytest.fixture(scope="module", params=BASELINES)
def baseline(request: pytest.FixtureRequest, dataset: Dataset) -> Case:
    """Each baseline as a predictor."""
    return baseline_case(request.param, dataset)
