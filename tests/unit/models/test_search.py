from pathlib import Path

import pytest

from models.data.reader import read_dataset
from models.inputs.config import InputConfig
from models.learners.matching import MatchingConfig
from models.learners.search_space import Between, OneOf
from models.search import begin, confirm, search, settings_of, space_of, with_settings
from models.training.preset import Preset, PresetError, TrainingConfig, load_preset, preset_names
from models.training.searches import SEARCHES, Search, stored_search

QUICK = Preset(
    name="quick",
    inputs=InputConfig(embedding_dim=4),
    learner=MatchingConfig(hidden=(8,)),
    training=TrainingConfig(epochs=1, patience=1, max_query=5, learning_rate=0.1),
)
LEARNERS = [name for name in preset_names() if load_preset(name).learner is not None]


@pytest.mark.parametrize("name", LEARNERS)
def test_every_value_of_a_space_makes_a_preset(name: str) -> None:
    preset = load_preset(name)
    space = space_of(preset)
    assert "training.learning_rate" in space
    for path, values in space.items():
        for value in values.values if isinstance(values, OneOf) else (values.low, values.high):
            changed = with_settings(preset, {path: value})
            assert settings_of(changed, space)[path] == value


def test_a_space_holds_the_presets_own_values() -> None:
    space = space_of(QUICK)
    assert space["training.learning_rate"] == Between(low=3e-4, high=0.1)
    hidden = space["learner.hidden"]
    assert isinstance(hidden, OneOf)
    assert hidden.values[0] == [8]


def test_a_setting_that_a_preset_does_not_have_is_named() -> None:
    with pytest.raises(PresetError, match=r"learner\.heads"):
        settings_of(QUICK, {"learner.heads": OneOf(values=(1, 2))})


def test_a_preset_without_a_learner_has_nothing_to_search() -> None:
    with pytest.raises(PresetError, match="nothing to search"):
        space_of(QUICK.model_copy(update={"learner": None}))


def test_a_search_begins_with_the_presets_values_and_goes_on_from_what_is_stored(dataset_dir: Path) -> None:
    dataset, _ = read_dataset(dataset_dir)
    stored: list[Search] = []
    begun = begin(dataset, QUICK, seed=0, command="…")
    two = search(dataset, QUICK, trials=2, begun=begun, trial_done=stored.append)
    assert two.trials[0].settings == settings_of(QUICK, begun.space)
    assert [len(each.trials) for each in stored] == [1, 2]
    read = Search.model_validate_json(stored[-1].model_dump_json())
    assert read == two
    four = search(dataset, QUICK, trials=4, begun=read)
    assert four.trials[:2] == two.trials
    assert len(four.trials) == 4
    assert four.best is not None
    assert four.best.value == min(trial.value for trial in four.trials if trial.value is not None)


def test_a_confirmation_trains_the_first_and_the_best_settings_of_a_search(dataset_dir: Path) -> None:
    dataset, _ = read_dataset(dataset_dir)
    found = search(dataset, QUICK, trials=3, begun=begin(dataset, QUICK, seed=0, command="…"))
    assert found.best is not None
    confirmation = confirm(dataset, QUICK, found)
    # The same data and seed, so the same values.
    assert confirmation.own == found.trials[0].model_copy(update={"seconds": confirmation.own.seconds})
    assert confirmation.best == found.best.model_copy(update={"seconds": confirmation.best.seconds})
    assert confirmation.fingerprint == dataset.fingerprint


def test_a_search_without_a_value_has_nothing_to_confirm(dataset_dir: Path) -> None:
    dataset, _ = read_dataset(dataset_dir)
    with pytest.raises(PresetError, match="nothing to confirm"):
        confirm(dataset, QUICK, begin(dataset, QUICK, seed=0, command="…"))


def test_stored_searches_are_those_of_presets() -> None:
    for file in SEARCHES.glob("*.json"):
        found = stored_search(file.stem)
        assert found is not None
        assert found.preset == file.stem
        assert found.preset in preset_names()
