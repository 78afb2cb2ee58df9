"""The trained two-tastes model and its data, in memory."""

from pathlib import Path

import pytest

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset


@pytest.fixture(scope="session")
def two_tastes(dataset_dir: Path) -> Dataset:
    """The data that `model` was trained on; nothing changes them."""
    return read_dataset(dataset_dir)[0]


@pytest.fixture(scope="session")
def model(model_dir: Path) -> TrainedModel:
    """The trained two-tastes model; nothing changes it."""
    return load_artifact(model_dir)
