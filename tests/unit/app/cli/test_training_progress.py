from io import StringIO

import pytest
from rich.console import Console

from app.cli.training_progress import ProgressBar
from models.choice.trainer import RoundResult
from models.training.epoch_result import EpochResult, Validation

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


def test_progress_is_printed_epoch_by_epoch_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar.phase_begun("research model", epochs=20)
        bar.resumed(epoch=6)
        bar.epoch_done(result(7, VALIDATION))
        bar.phase_begun("choices of the research model", epochs=3)
        bar.round_done(RoundResult(round=1, training_loss=5.0, validation_loss=6.0, seconds=1.0))
        bar.phase_begun("served model", epochs=18)
        bar.epoch_done(result(1, None))
    printed = capsys.readouterr()
    lines = [line.strip() for line in printed.err.splitlines() if line.strip()]
    assert printed.out == ""
    assert lines[:7] == [
        "research model",
        "resumed after epoch 6",
        "epoch 7 of 20   loss 2.0000   validation MAE 0.7500   100 users/s",
        "choices of the research model",
        "epoch 1 of 3   loss 5.0000   validation loss 6.0000",
        "served model",
        "epoch 1 of 18   loss 2.0000   100 users/s",
    ]
