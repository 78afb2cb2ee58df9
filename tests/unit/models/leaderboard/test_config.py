from pathlib import Path

import pytest

from models.data.reader import read_dataset
from models.leaderboard.config import presets_of
from models.training.preset import PresetError, load_preset, preset_names


def test_all_are_the_presets_that_fit_the_data(dataset_dir: Path, purchases_dir: Path) -> None:
    for directory, has_learner in ((dataset_dir, True), (purchases_dir, False)):
        presets, _ = presets_of("all", read_dataset(directory)[0])
        expected = [name for name in preset_names() if (load_preset(name).learner is not None) is has_learner]
        assert [preset.name for preset in presets] == expected


def test_names_and_files_may_be_mixed(dataset_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[learner]\nkind = "matching"\n', encoding="utf-8")
    presets, reference = presets_of(f"{file}, coldstart", read_dataset(dataset_dir)[0], epochs=3)
    assert [preset.name for preset in presets] == ["mine", "coldstart"]
    assert reference.name == "coldstart"
    assert {preset.training.epochs for preset in presets} == {3}


def test_the_first_preset_is_the_reference_without_the_default_one(dataset_dir: Path) -> None:
    _, reference = presets_of("melu,matching", read_dataset(dataset_dir)[0])
    assert reference.name == "melu"


@pytest.mark.parametrize(("names", "message"), [("coldstart,nope", "nope"), (" , ", "name at least one preset")])
def test_a_wrong_name_is_named(dataset_dir: Path, names: str, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        presets_of(names, read_dataset(dataset_dir)[0])


def test_two_presets_of_one_name_are_refused(dataset_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "coldstart.toml"
    file.write_text("", encoding="utf-8")
    with pytest.raises(PresetError, match="two presets are called coldstart"):
        presets_of(f"coldstart,{file}", read_dataset(dataset_dir)[0])
