"""`coldstart train`: trains a model on a data set, on a service's database, or on both."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.checks import require_writable_directory
from app.cli.options import Device, Malformed, MalformedOption, OptionalDataDirectory, SchemaFile, load_dataset
from app.jobs.training import Trained, TrainingParameters, TrainingReport, data_of, train_on_stored_dataset
from app.services.container import open_services
from app.settings import Settings, read_settings
from app.storage.database import open_database, require_usable
from models.artifact import DataDescription, Manifest
from models.train import train
from models.training.devices import require_device
from models.training.learning_curves import LearningCurves
from models.training.preset import default_preset, load_preset
from models.training.threads import compute_in_one_thread
from models.training.trainer import EpochResult, TrainingObserver

_FIGURES = {"validation_mae": "validation MAE", "validation_choice_loss": "validation loss of choices"}
"""The validation measures of a manifest, and how they are called."""


class ProgressBar:
    """Shows a progress bar for each epoch of each model, and a line of figures after it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[phase]}, epoch {task.fields[epoch]} of {task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("users"),
            TimeRemainingColumn(),
            transient=True,
        )
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
        self._progress.update(self._task, phase=phase, epoch=1, epochs=epochs, completed=0)
        self._progress.print(phase)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, epoch=epoch, completed=users_done, total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """Print the epoch's figures."""
        validation = "" if result.validation is None else f"validation MAE {result.validation.mae:.4f}   "
        self._progress.print(
            f"epoch {result.epoch:3d}   loss {result.training_loss:.4f}   "
            f"{validation}{result.users / result.seconds:,.0f} users/s"
        )


class _Observers:
    """Passes everything on to several observers."""

    def __init__(self, *observers: TrainingObserver) -> None:
        self._observers = observers

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        """Report that a model is trained now."""
        for observer in self._observers:
            observer.phase_begun(phase, epochs=epochs)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Report a global update."""
        for observer in self._observers:
            observer.batch_done(epoch=epoch, users_done=users_done, users_total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        """Do nothing: batches report the progress."""
        for observer in self._observers:
            observer.epoch_done(result)


def train_command(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--out", file_okay=False, help="Directory of the artifact to write.")],
    data: OptionalDataDirectory = None,
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Train on the service's database; with --data on both.")
    ] = False,
    activate: Annotated[
        bool,
        typer.Option(
            "--activate", help="With --from-database: activate the new version if it is better than the active one."
        ),
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Name of a preset, or path of a TOML file. [default: what fits the data, or the active version's]"
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Overrides the preset.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Overrides the preset.")] = None,
    research_only: Annotated[
        bool, typer.Option("--research-only", help="Train on the split only, not on all ratings after that.")
    ] = False,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
) -> None:
    """Train a model and write it as an artifact. An interrupted training continues when it is started again.

    A research model is trained on a split and gives the figures. Then the served model is trained on all ratings. The
    artifact holds both; --research-only leaves out the second.

    With --from-database the new version is compared with the active one on held-out users, and registered. Learning
    curves are written beside the artifact: `tensorboard --logdir OUT.tensorboard` shows them.
    """
    compute_in_one_thread()
    require_writable_directory(output, "--out")
    require_device(device)
    if not from_database:
        if activate:
            raise typer.BadParameter("needs --from-database", param_hint="--activate")
        if data is None:
            raise typer.BadParameter("name a data set, or train --from-database", param_hint="--data")
        named = None if preset is None else load_preset(preset)
        dataset = load_dataset(data, schema, malformed)
        chosen = (named or load_preset(default_preset(dataset))).with_training(epochs=epochs, seed=seed)
        with _shown(output) as observer:
            model = train(
                dataset,
                chosen,
                output,
                data_path=data,
                research_only=research_only,
                device=device,
                observer=observer,
            )
        _print_result(output, model.version, model.manifest)
        return
    if research_only:
        raise typer.BadParameter("does not go with --from-database", param_hint="--research-only")
    if schema is not None:
        raise typer.BadParameter("the schema is the active version's", param_hint="--schema")
    settings = read_settings({"device": device})
    asyncio.run(require_usable(settings.database_url.get_secret_value()))
    # The variable names the service's data set; only the option asks to train on it.
    source = context.get_parameter_source("data")
    data_path = data if source is not None and source.name == "COMMANDLINE" else None
    parameters = asyncio.run(
        _parameters(settings, preset=preset, epochs=epochs, seed=seed, data_path=data_path, activate=activate)
    ).model_copy(update={"malformed": malformed.value})
    if data_of(output).exists():
        typer.echo(
            f"continuing with the data of {data_of(output)}; to start again, remove it and the checkpoint", err=True
        )
    with _shown(output) as observer:
        trained = train_on_stored_dataset(
            parameters, output, settings=settings, observer=observer, progress=lambda _: None
        )
    _print_result(output, trained.model.version, trained.model.manifest)
    _print_report(asyncio.run(_register(settings, trained)))


@contextmanager
def _shown(output: Path) -> Iterator[TrainingObserver]:
    """Show a training as a progress bar, and write its learning curves beside the output."""
    with ProgressBar() as bar, LearningCurves(output.with_name(f"{output.name}.tensorboard")) as curves:
        yield _Observers(bar, curves)


async def _parameters(
    settings: Settings,
    *,
    preset: str | None,
    epochs: int | None,
    seed: int | None,
    data_path: Path | None,
    activate: bool,
) -> TrainingParameters:
    async with open_services(settings) as services:
        return await services.trainings.parameters(
            preset=None if preset is None else load_preset(preset),
            epochs=epochs,
            seed=seed,
            data_path=data_path,
            activate=activate,
        )


async def _register(settings: Settings, trained: Trained) -> TrainingReport:
    async with open_database(settings.database_url.get_secret_value()) as database, database.write() as session:
        return await trained.register(session)


def _print_result(output: Path, version: str, manifest: Manifest) -> None:
    twin = manifest.research_twin
    figures = ", ".join(
        f"{title} {manifest.metrics[name]:.4f}" for name, title in _FIGURES.items() if name in manifest.metrics
    )
    typer.echo(f"{output}: {version}")
    if twin is None:
        typer.echo(f"{_trained(manifest.data, manifest.history)}; {figures}")
    else:
        typer.echo(_trained(manifest.data, manifest.history))
        typer.echo(f"research twin {twin.version}: {_trained(twin.data, twin.history)}; {figures}")


def _trained(data: DataDescription, history: Sequence[EpochResult]) -> str:
    kind = "interactions" if data.mean_rating is None else "ratings"
    counts = f"{data.training_users:,} users and {data.training_items:,} items"
    trained = f"trained on {data.training_ratings:,} {kind} of {counts}"
    if not history:
        return trained
    return f"{trained}, {len(history)} epochs, {sum(result.seconds for result in history):.0f} s"


def _print_report(report: TrainingReport) -> None:
    comparison = report.comparison
    verdict = None
    if comparison is not None:
        verdict = comparison.verdict
        typer.echo(f"compared with {comparison.active}: {verdict}")
        for note in comparison.notes:
            typer.echo(f"note: {note}")
    why = "" if report.reason == verdict else f": {report.reason}"
    typer.echo(f"registered and activated{why}" if report.activated else f"registered, not activated{why}")
