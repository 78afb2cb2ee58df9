"""Learning curves for TensorBoard."""

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from models.training.trainer import EpochResult


class LearningCurves:
    """A training observer that writes every epoch's figures; `tensorboard --logdir DIRECTORY` shows them.

    Every training, also one that goes on after an interruption, is a run of its own, named after its beginning, so that
    TensorBoard shows them beside each other.

    Args:
        directory: Of all runs; made if it is missing.
    """

    def __init__(self, directory: Path) -> None:
        run = directory / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        self._writer = SummaryWriter(str(run))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.close()

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Curves are of epochs."""

    def epoch_done(self, result: EpochResult) -> None:
        """Add a point to every curve."""
        for name, value in {
            "loss/training": result.training_loss,
            "loss/validation": result.validation_loss,
            "mae/validation": result.validation_mae,
            "speed/users per second": result.users / result.seconds,
        }.items():
            self._writer.add_scalar(name, value, global_step=result.epoch)
        self._writer.flush()
