"""`coldstart train`: from a data set to an artifact."""

from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import DataDirectory, Device, Malformed, MalformedOption, SchemaFile, load_dataset
from models.meta.preset import load_preset
from models.meta.trainer import EpochResult, TrainingObserver
from models.training import train


class ProgressBar:
    """Shows training as one bar an epoch and one line of figures after it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("users"),
            TimeRemainingColumn(),
            transient=True,
        )
        self._task = self._progress.add_task("training", epoch=1, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, epoch=epoch, completed=users_done, total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """Print the epoch's figures."""
        self._progress.print(
            f"epoch {result.epoch:3d}   loss {result.training_loss:.4f}   "
            f"validation MAE {result.validation_mae:.4f}   {result.users / result.seconds:,.0f} users/s"
        )


class _Observers:
    """Tells several observers of the same training."""

    def __init__(self, *observers: TrainingObserver) -> None:
        self._observers = observers

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """A global update was made."""
        for observer in self._observers:
            observer.batch_done(epoch=epoch, users_done=users_done, users_total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """An epoch and its validation are over."""
        for observer in self._observers:
            observer.epoch_done(result)


def train_command(
    data: DataDirectory,
    output: Annotated[Path, typer.Option("--out", file_okay=False, help="Directory of the artifact to write.")],
    preset: Annotated[str, typer.Option(help="Name of a preset, or path of a TOML file.")] = "coldstart",
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the preset's.")] = None,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
) -> None:
    """Train a model and write it as an artifact; started again after an interruption, it goes on where it was.

    Learning curves are written beside the artifact: `tensorboard --logdir OUT.tensorboard` shows them.
    """
    from models.learning_curves import LearningCurves  # noqa: PLC0415 - TensorBoard takes a second to import

    chosen = load_preset(preset).with_training(epochs=epochs, seed=seed)
    dataset = load_dataset(data, schema, malformed)
    curves_directory = output.with_name(f"{output.name}.tensorboard")
    with ProgressBar() as bar, LearningCurves(curves_directory) as curves:
        model = train(dataset, chosen, output, data_path=data, device=device, observer=_Observers(bar, curves))
    manifest = model.manifest
    seconds = sum(result.seconds for result in manifest.history)
    typer.echo(
        f"{output}: {model.version}\n"
        f"trained on {manifest.data.training_ratings:,} ratings of {manifest.data.training_users:,} users, "
        f"{len(manifest.history)} epochs, {seconds:.0f} s; validation MAE {manifest.metrics['validation_mae']:.4f}"
    )
