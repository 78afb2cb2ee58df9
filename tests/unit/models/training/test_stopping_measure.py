"""The measure by which training stops and by which the best epoch is chosen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.data.dataset import Dataset
from models.metrics import Direction
from models.train import train
from models.training.epoch_result import EpochResult, Validation, best_epoch
from models.training.preset import Preset, PresetError, TrainingConfig, load_preset
from models.training.trainer import Trainer


def stopped_by(preset: Preset, measure: str, *, epochs: int = 3, patience: int = 3) -> Preset:
    """The preset with another stopping measure."""
    changes = {"stopping_measure": measure, "epochs": epochs, "patience": patience}
    return preset.model_copy(update={"training": preset.training.model_copy(update=changes)})


def history(dataset: Dataset, preset: Preset, output: Path) -> tuple[EpochResult, ...]:
    """The result of every epoch of a training."""
    return train(dataset, preset, output, data_path=None, research_only=True).manifest.history


def results(*stopping_values: float) -> list[EpochResult]:
    """Epochs with these stopping values, which differ in nothing else."""
    return [
        EpochResult(
            epoch=epoch,
            training_loss=1.0,
            validation=Validation(loss=1.0, mae=1.0, stopping_value=value),
            seconds=1.0,
            users=1,
        )
        for epoch, value in enumerate(stopping_values, start=1)
    ]


@pytest.mark.parametrize(("direction", "best"), [(Direction.LOWER, 2), (Direction.HIGHER, 4)])
def test_best_epoch_is_the_last_of_equals_in_the_direction(direction: Direction, best: int) -> None:
    assert best_epoch(results(0.9, 0.5, 0.7, 0.9), direction).epoch == best


def test_stopping_by_default_is_by_the_validation_loss(
    two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path
) -> None:
    assert tiny_preset.training.stopping_measure == "loss"
    found = history(two_tastes, tiny_preset.with_training(epochs=2), tmp_path / "model")
    assert [result.validation.stopping_value for result in found] == [result.validation.loss for result in found]


def test_stopping_by_mae_records_the_validation_mae(two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path) -> None:
    found = history(two_tastes, stopped_by(tiny_preset, "mae"), tmp_path / "model")
    assert [result.validation.stopping_value for result in found] == [result.validation.mae for result in found]


def test_stopping_by_ndcg_records_a_value_between_0_and_1(
    two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path
) -> None:
    found = history(two_tastes, stopped_by(tiny_preset, "ndcg@3_linear"), tmp_path / "model")
    assert all(0 < result.validation.stopping_value <= 1 for result in found)
    assert {result.validation.stopping_value for result in found}.isdisjoint(result.validation.loss for result in found)


@pytest.mark.parametrize(("measure", "epochs"), [("mae", 2), ("ndcg@3_linear", 4)])
def test_stopping_by_rising_values_depends_on_the_direction(
    two_tastes: Dataset,
    tiny_preset: Preset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    measure: str,
    epochs: int,
) -> None:
    values: Iterator[float] = iter([0.1, 0.2, 0.3, 0.4])
    monkeypatch.setattr(Trainer, "_validate", lambda *_: Validation(loss=1.0, mae=1.0, stopping_value=next(values)))
    preset = stopped_by(tiny_preset, measure, epochs=4, patience=1)
    assert len(history(two_tastes, preset, tmp_path / "model")) == epochs


def test_stopping_by_an_undefined_measure_is_refused(two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path) -> None:
    # The preset's head predicts no distribution.
    with pytest.raises(PresetError, match="stopping_measure: nll is undefined for all validation users"):
        train(two_tastes, stopped_by(tiny_preset, "nll"), tmp_path / "model", data_path=None, research_only=True)


@pytest.mark.parametrize(
    ("name", "direction"), [("loss", Direction.LOWER), ("mae", Direction.LOWER), ("ndcg@3_linear", Direction.HIGHER)]
)
def test_stopping_direction_is_that_of_the_measure(name: str, direction: Direction) -> None:
    assert TrainingConfig(stopping_measure=name).stopping_direction is direction


def test_stopping_measure_unknown_name_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[training]\nstopping_measure = 'accuracy'", encoding="utf-8")
    with pytest.raises(PresetError, match=r"training\.stopping_measure: .*'accuracy' .*use loss, mae, .*ndcg@3_linear"):
        load_preset(str(path))
