from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models.training.epoch_result import EpochResult, Validation
from models.training.learning_curves import LearningCurves


def test_learning_curves_of_two_epochs_are_readable_by_tensorboard(tmp_path: Path) -> None:
    with LearningCurves(tmp_path) as curves:
        curves.phase_begun("research model", epochs=2)
        for epoch in (1, 2):
            curves.epoch_done(
                EpochResult(
                    epoch=epoch,
                    training_loss=3.0 / epoch,
                    validation=Validation(loss=4.0 / epoch, mae=1.0 / epoch, stopping_value=4.0 / epoch),
                    seconds=2.0,
                    users=100,
                )
            )
    (run,) = tmp_path.glob("*/research-model")
    events = EventAccumulator(str(run))
    events.Reload()
    found = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert found == {
        "loss/training": [(1, 3.0), (2, 1.5)],
        "loss/validation": [(1, 4.0), (2, 2.0)],
        "mae/validation": [(1, 1.0), (2, 0.5)],
        "speed/users per second": [(1, pytest.approx(50.0)), (2, pytest.approx(50.0))],
    }
