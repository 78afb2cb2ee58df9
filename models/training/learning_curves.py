"""Learning curves for TensorBoard."""

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver


class LearningCurves(TrainingObserver):
    """A training observer that writes every epoch's figures; `tensorboard --logdir DIRECTORY` shows them.

    Every training, also one that goes on after an interruption, is a directory named after its beginning. Each of its
    models is a run in it, so that TensorBoard shows them beside each other.

    Args:
        directory: Of all runs; made if it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._run = directory / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def phase_begun(self, phase: str, *, epochs: int) -> None:  # noqa: ARG002 - part of the interface
        """Begin the curves of a model."""
        self._close()
        self._writer = SummaryWriter(str(self._run / phase.replace(" ", "-")))

    def epoch_done(self, result: EpochResult) -> None:
        """Add a point to every curve."""
        assert self._writer is not None  # noqa: S101 - an epoch belongs to a phase
        values = {"loss/training": result.training_loss, "speed/users per second": result.users / result.seconds}
        if result.validation is not None:
            values |= {"loss/validation": result.validation.loss, "mae/validation": result.validation.mae}
        for name, value in values.items():
            self._writer.add_scalar(name, value, global_step=result.epoch)
        self._writer.flush()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
