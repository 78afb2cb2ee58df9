"""How `coldstart train` shows its progress."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.output import progress_console
from models.choice.trainer import RoundResult
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver


class ProgressBar(TrainingObserver):
    """Shows a progress bar for each epoch of each model, and a line of figures after it, on standard error."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[phase]}, epoch {task.fields[epoch]} of {task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("users"),
            TimeRemainingColumn(),
            console=progress_console(),
            transient=True,
        )
        self._epochs = 1
        self._task = self._progress.add_task("training", phase="model", epoch=1, epochs=1, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        """Name the model that is trained now."""
        self._epochs = epochs
        self._progress.update(self._task, phase=phase, epoch=1, epochs=epochs, completed=0)
        self._print(phase)

    def resumed(self, *, epoch: int) -> None:
        """Say where an interrupted training goes on."""
        self._print(f"resumed after epoch {epoch}")

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, epoch=epoch, completed=users_done, total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """Print the epoch's figures."""
        validation = "" if result.validation is None else f"   validation MAE {result.validation.mae:.4f}"
        self._print_figures(
            result.epoch, f"loss {result.training_loss:.4f}{validation}   {result.users / result.seconds:,.0f} users/s"
        )

    def round_done(self, result: RoundResult) -> None:
        """Print the figures of a round of the choice model."""
        validation = "" if result.validation_loss is None else f"   validation loss {result.validation_loss:.4f}"
        self._print_figures(result.round, f"loss {result.training_loss:.4f}{validation}")

    def _print_figures(self, epoch: int, figures: str) -> None:
        self._print(f"epoch {epoch} of {self._epochs}   {figures}")

    def _print(self, line: str) -> None:
        self._progress.print(line, soft_wrap=True)


class Observers(TrainingObserver):
    """Passes everything on to several observers."""

    def __init__(self, *observers: TrainingObserver) -> None:
        self._observers = observers

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        """A model is trained now."""
        for observer in self._observers:
            observer.phase_begun(phase, epochs=epochs)

    def resumed(self, *, epoch: int) -> None:
        """An interrupted training goes on."""
        for observer in self._observers:
            observer.resumed(epoch=epoch)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """A global update was made."""
        for observer in self._observers:
            observer.batch_done(epoch=epoch, users_done=users_done, users_total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """An epoch is over."""
        for observer in self._observers:
            observer.epoch_done(result)

    def round_done(self, result: RoundResult) -> None:
        """A round of the choice model is over."""
        for observer in self._observers:
            observer.round_done(result)
