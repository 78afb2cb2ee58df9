import re
from pathlib import Path

import pytest

from models.training.preset import Preset, PresetError, Rates, load_preset, preset_names


class TestLoadPreset:
    @pytest.mark.parametrize("name", preset_names())
    def test_every_built_in_preset_loads_under_its_name(self, name: str) -> None:
        assert load_preset(name).name == name

    def test_melu_is_built_in(self) -> None:
        assert "melu" in preset_names()

    def test_file_is_read_by_its_path_and_named_after_it(self, tmp_path: Path) -> None:
        path = tmp_path / "my-own.toml"
        path.write_text('[local_update]\nsteps = 3\nrates = "fixed"\n[estimator]\nhidden = [8]\n', encoding="utf-8")
        preset = load_preset(str(path))
        assert preset.name == "my-own"
        assert (preset.local_update.steps, preset.local_update.rates) == (3, Rates.FIXED)
        assert preset.estimator.hidden == (8,)

    def test_unknown_name_lists_those_there_are(self) -> None:
        with pytest.raises(PresetError, match=r"no preset 'nothing': use one of .*melu"):
            load_preset("nothing")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[training]\nepochs = 0", "training.epochs: "),
            ("[training]\nepoch = 1", "training.epoch: "),
            ("[training]\nepochs = 3\npatience = 4", "training: Value error, patience is greater than epochs"),
            ("[local_update]\nrate = 0.0", "local_update.rate: "),
            ("[local_update]\nprior_ratings = -1.0", "local_update.prior_ratings: "),
            ("[local_update]\nrates = 'both'", "local_update.rates: "),
            ("[estimator]\nhidden = [0]", "estimator.hidden.0: "),
            ("name = 'Not a name'", "name: "),
            ("[training", "Expected"),
        ],
    )
    def test_error_names_the_file_and_the_field(self, tmp_path: Path, text: str, reason: str) -> None:
        path = tmp_path / "wrong.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PresetError, match=re.escape(f"preset {path}: {reason}")):
            load_preset(str(path))


class TestWithTraining:
    PRESET = Preset.model_validate({"name": "p", "training": {"epochs": 30, "patience": 5}})

    def test_changes_only_what_is_given(self) -> None:
        assert self.PRESET.with_training() == self.PRESET
        changed = self.PRESET.with_training(seed=9)
        assert changed.training == self.PRESET.training.model_copy(update={"seed": 9})

    def test_fewer_epochs_than_the_patience_lower_it(self) -> None:
        training = self.PRESET.with_training(epochs=3).training
        assert (training.epochs, training.patience) == (3, 3)

    def test_more_epochs_leave_the_patience(self) -> None:
        training = self.PRESET.with_training(epochs=50).training
        assert (training.epochs, training.patience) == (50, 5)
