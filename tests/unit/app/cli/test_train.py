from io import StringIO

import pytest
from rich.console import Console

from app.cli.train import ProgressBar
from models.training.trainer import EpochResult, Validation

VALIDATION = Validation(loss=1.0, mae=0.75, stopping_value=1.0)


def shown(bar: ProgressBar) -> str:
    """The bar as it is drawn now."""
    console = Console(file=StringIO(), width=120)
    console.print(bar._progress)
    return console.file.getvalue()


def result(epoch: int, validation: Validation | None) -> EpochResult:
    return EpochResult(epoch=epoch, training_loss=2.0, validation=validation, seconds=1.0, users=100)


def test_progress_bar_names_the_model_and_its_epoch() -> None:
    with ProgressBar() as bar:
        bar.phase_begun("research model", epochs=20)
        bar.batch_done(epoch=3, users_done=32, users_total=100)
        research = shown(bar)
        bar.phase_begun("served model", epochs=18)
        bar.batch_done(epoch=1, users_done=64, users_total=120)
        served = shown(bar)
    assert "research model, epoch 3 of 20" in research
    assert "32/100 users" in research
    assert "served model, epoch 1 of 18" in served
    assert "64/120 users" in served


def test_progress_bar_prints_each_epoch_with_its_validation_error_if_there_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressBar() as bar:
        for phase, validation in (("research model", VALIDATION), ("served model", None)):
            bar.phase_begun(phase, epochs=1)
            bar.epoch_done(result(1, validation))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[:4] == [
        "research model",
        "epoch   1   loss 2.0000   validation MAE 0.7500   100 users/s",
        "served model",
        "epoch   1   loss 2.0000   100 users/s",
    ]
