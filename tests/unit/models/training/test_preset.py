import re
from pathlib import Path

import pytest

from models.inputs.config import InputConfig
from models.learners.heads.ordinal import OrdinalConfig
from models.learners.melu import MeLUConfig, Rates
from models.training.preset import Preset, PresetError, load_preset, preset_names


class TestLoadPreset:
    @pytest.mark.parametrize("name", preset_names())
    def test_built_in_preset_loads_under_its_name(self, name: str) -> None:
        assert load_preset(name).name == name

    def test_preset_names_include_melu_and_coldstart(self) -> None:
        assert {"coldstart", "melu"} <= set(preset_names())

    def test_preset_from_a_path_is_named_after_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "my-own.toml"
        text = """
            [inputs]
            embedding_dim = 7
            [learner]
            kind = "melu"
            hidden = [8]
            steps = 3
            rates = "fixed"
            [head]
            kind = "ordinal"
        """
        path.write_text(text, encoding="utf-8")
        preset = load_preset(str(path))
        assert preset.name == "my-own"
        assert preset.inputs == InputConfig(embedding_dim=7)
        assert preset.learner == MeLUConfig(hidden=(8,), steps=3, rates=Rates.FIXED)
        assert preset.head == OrdinalConfig()

    def test_unknown_name_error_lists_the_presets(self) -> None:
        with pytest.raises(PresetError, match=r"no preset 'nothing': use one of .*melu"):
            load_preset("nothing")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[learner]\nkind = 'melu'\n[training]\nepochs = 0", "training.epochs: "),
            ("[learner]\nkind = 'melu'\n[training]\nepoch = 1", "training.epoch: "),
            (
                "[learner]\nkind = 'melu'\n[training]\nepochs = 3\npatience = 4",
                "training: patience is greater than epochs",
            ),
            ("[learner]\nkind = 'melu'\nrate = 0.0", "learner.melu.rate: "),
            ("[learner]\nkind = 'melu'\nprior_ratings = -1.0", "learner.melu.prior_ratings: "),
            ("[learner]\nkind = 'melu'\nrates = 'both'", "learner.melu.rates: "),
            ("[learner]\nkind = 'closed_form'\nhidden = [0]", "learner.closed_form.hidden.0: "),
            ("[learner]\nkind = 'closed_form'\nrate = 1.0", "learner.closed_form.rate: "),
            ("[learner]\nkind = 'nothing'", "learner: Input tag 'nothing' found using 'kind' does not match"),
            ("[learner]\nsteps = 1", "learner: Unable to extract tag using discriminator 'kind'"),
            ("[learner]\nkind = 'melu'\n[head]\nkind = 'nothing'", "head: Input tag 'nothing'"),
            ("[learner]\nkind = 'melu'\n[inputs.collaborative.factorisation]\nrank = 0", "inputs.collaborative."),
            ("name = 'Not a name'\n[learner]\nkind = 'melu'", "name: "),
            ("[training", "Expected"),
        ],
    )
    def test_wrong_file_error_names_file_and_field(self, tmp_path: Path, text: str, reason: str) -> None:
        path = tmp_path / "wrong.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PresetError, match=re.escape(f"preset {path}: {reason}")):
            load_preset(str(path))

    def test_preset_with_a_byte_order_mark_loads(self, tmp_path: Path) -> None:
        path = tmp_path / "own.toml"
        path.write_text("[learner]\nkind = 'melu'", encoding="utf-8-sig")
        assert load_preset(str(path)).name == "own"


class TestPreset:
    @pytest.mark.parametrize("name", preset_names())
    def test_preset_as_json_round_trip_is_the_same(self, name: str) -> None:
        preset = load_preset(name)
        assert Preset.model_validate_json(preset.model_dump_json()) == preset


class TestWithTraining:
    PRESET = Preset.model_validate(
        {"name": "p", "learner": {"kind": "melu"}, "training": {"epochs": 30, "patience": 5}}
    )

    def test_with_training_changes_only_the_given_fields(self) -> None:
        assert self.PRESET.with_training() == self.PRESET
        changed = self.PRESET.with_training(seed=9)
        assert changed.training == self.PRESET.training.model_copy(update={"seed": 9})

    def test_with_training_of_few_epochs_lowers_the_patience(self) -> None:
        training = self.PRESET.with_training(epochs=3).training
        assert (training.epochs, training.patience) == (3, 3)

    def test_with_training_of_more_epochs_keeps_the_patience(self) -> None:
        training = self.PRESET.with_training(epochs=50).training
        assert (training.epochs, training.patience) == (50, 5)
