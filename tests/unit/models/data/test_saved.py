from pathlib import Path

import numpy as np
import pytest

from models.data.dataset import Dataset, State
from models.data.malformed import DataError
from models.data.saved import load_dataset, save_dataset
from tests.unit.models.tiny_data import tiny_dataset


def test_load_dataset_returns_what_was_saved(two_tastes: Dataset, tmp_path: Path) -> None:
    save_dataset(two_tastes, tmp_path / "new" / "data")

    loaded = load_dataset(tmp_path / "new" / "data")

    assert loaded.fingerprint == two_tastes.fingerprint
    assert loaded.schema == two_tastes.schema
    assert loaded.ratings.times is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["data"]


def test_load_dataset_returns_states_times_and_users_without_ratings(tmp_path: Path) -> None:
    dataset = tiny_dataset(
        [(0, 0, 3.0), (2, 1, 4.0)],
        users=4,
        items=2,
        states=[State.WARM, State.USER_COLD],
        years=[1990, None],
        times=[978300019, 978300020],
    )
    save_dataset(dataset, tmp_path / "data")

    loaded = load_dataset(tmp_path / "data")

    assert loaded.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(loaded.ratings.states, dataset.ratings.states)
    np.testing.assert_array_equal(loaded.ratings.times, dataset.ratings.times)


def test_save_dataset_after_an_interrupted_save_succeeds(two_tastes: Dataset, tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "users.parquet").write_bytes(b"half")

    save_dataset(two_tastes, tmp_path / "data")

    assert load_dataset(tmp_path / "data").fingerprint == two_tastes.fingerprint


def test_save_dataset_where_nothing_can_be_written_raises_data_error(two_tastes: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        save_dataset(two_tastes, tmp_path / "file" / "data")


def test_load_dataset_damaged_file_raises_data_error(two_tastes: Dataset, tmp_path: Path) -> None:
    save_dataset(two_tastes, tmp_path / "data")
    (tmp_path / "data" / "items.npy").write_bytes(b"NUMPY")

    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(tmp_path / "data")
