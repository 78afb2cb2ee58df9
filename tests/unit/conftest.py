"""The two-tastes data set and the model trained on it, in memory."""

from pathlib import Path

import pytest

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset


@pytest.fixture(scope="session")
def two_tastes(dataset_dir: Path) -> Dataset:
    """The data set that `model` was trained on. Tests must not change it."""
    return read_dataset(dataset_dir)[0]


@pytest.fixture(scope="session")
def model(model_dir: Path) -> TrainedModel:
    """The model trained on the two-tastes data. Tests must not change it."""
    return load_artifact(model_dir)
