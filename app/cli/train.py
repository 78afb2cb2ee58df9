"""`coldstart train`: trains a model on a data set, on a service's database, or on both."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.checks import require_writable_directory
from app.cli.completion import complete_preset
from app.cli.engine import Address, Engine, EngineOption, connected
from app.cli.options import Device, Malformed, MalformedOption, OptionalDataDirectory, SchemaFile, load_dataset
from app.cli.output import JSONOption, print_json, progress_console

if TYPE_CHECKING:
    from app.jobs.training import Trained, TrainingParameters, TrainingReport
    from app.settings import Settings
    from models.training.engine import TrainingEngine
    from models.training.observer import TrainingObserver


def train_command(
    context: typer.Context,
    *,
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
            help="Name of a preset, or path of a TOML file. [default: what fits the data, or the active version's]",
            autocompletion=complete_preset,
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
    engine: EngineOption = Engine.LOCAL,
    address: Address = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --engine ray: most workers that share each batch of users. [default: one a processor]",
        ),
    ] = None,
    as_json: JSONOption = False,
) -> None:
    """Train a model and write it as an artifact. An interrupted training continues when it is started again.

    A research model is trained on a split and gives the figures. Then the served model is trained on all ratings. The
    artifact holds both; --research-only leaves out the second.

    On a Ray cluster, the workers share the users of each update. The model does not depend on their number. All
    machines must see the directory of --out.

    With --from-database the new version is compared with the active one on held-out users, and registered. Learning
    curves are written beside the artifact: `tensorboard --logdir OUT.tensorboard` shows them.
    """
    from models.training.devices import require_device
    from models.training.threads import compute_in_one_thread

    compute_in_one_thread()
    require_writable_directory(output, "--out")
    require_device(device)
    if not from_database:
        if activate:
            raise typer.BadParameter("needs --from-database", param_hint="--activate")
        if data is None:
            raise typer.BadParameter("name a data set, or train --from-database", param_hint="--data")
        with _engine(engine, address, workers, output) as where:
            _train_on_files(
                data,
                output,
                preset=preset,
                epochs=epochs,
                seed=seed,
                research_only=research_only,
                schema=schema,
                malformed=malformed,
                device=device,
                engine=where,
                as_json=as_json,
            )
        return
    if research_only:
        raise typer.BadParameter("does not go with --from-database", param_hint="--research-only")
    if schema is not None:
        raise typer.BadParameter("the schema is the active version's", param_hint="--schema")
    # The variable names the service's data set; only the option asks to train on it.
    source = context.get_parameter_source("data")
    with _engine(engine, address, workers, output) as where:
        _train_on_database(
            data if source is not None and source.name == "COMMANDLINE" else None,
            output,
            preset=preset,
            epochs=epochs,
            seed=seed,
            malformed=malformed,
            activate=activate,
            device=device,
            engine=where,
            as_json=as_json,
        )


@contextmanager
def _engine(engine: Engine, address: str | None, workers: int | None, output: Path) -> "Iterator[TrainingEngine]":
    """Where to train, while the block runs."""
    from models.train import checkpoint_of
    from models.training.engine import LOCAL_ENGINE

    if workers is not None and engine is Engine.LOCAL:
        raise typer.BadParameter("needs --engine ray", param_hint="--workers")
    with connected(engine, address) as is_cluster:
        if not is_cluster:
            yield LOCAL_ENGINE
            return
        from app.cluster.training import RayTraining

        yield RayTraining(checkpoint_of(output.resolve()), workers)


def _train_on_files(
    data: Path,
    output: Path,
    *,
    preset: str | None,
    epochs: int | None,
    seed: int | None,
    research_only: bool,
    schema: Path | None,
    malformed: Malformed,
    device: str,
    engine: "TrainingEngine",
    as_json: bool,
) -> None:
    from app.cli.training_result import print_next, print_result, result_as_json
    from models.train import train
    from models.training.preset import default_preset, load_preset

    named = None if preset is None else load_preset(preset)
    _say(f"reading {data}")
    dataset = load_dataset(data, schema, malformed)
    chosen = (named or load_preset(default_preset(dataset))).with_training(epochs=epochs, seed=seed)
    _say(f"preparing to train {chosen.name}")
    with _shown(output) as observer:
        model = train(
            dataset,
            chosen,
            output,
            data_path=data,
            research_only=research_only,
            device=device,
            observer=observer,
            engine=engine,
        )
    if as_json:
        print_json(result_as_json(output, model, None))
        return
    print_result(output, model.version, model.manifest)
    if research_only:
        print_next("evaluate", "--model", output, "--data", data)
    else:
        print_next("serve", "--model", output)


def _train_on_database(
    data: Path | None,
    output: Path,
    *,
    preset: str | None,
    epochs: int | None,
    seed: int | None,
    malformed: Malformed,
    activate: bool,
    device: str,
    engine: "TrainingEngine",
    as_json: bool,
) -> None:
    from app.cli.training_result import print_next, print_report, print_result, result_as_json
    from app.jobs.training import data_of, train_on_stored_dataset
    from app.settings import read_settings
    from app.storage.database import require_usable

    settings = read_settings({"device": device})
    asyncio.run(require_usable(settings.database_url.get_secret_value()))
    parameters = asyncio.run(
        _parameters(settings, preset=preset, epochs=epochs, seed=seed, data_path=data, activate=activate)
    ).model_copy(update={"malformed": malformed.value})
    if data_of(output).exists():
        _say(f"continuing with the data of {data_of(output)}; to start again, remove it and the checkpoint")
    else:
        _say("reading the database")
    with _shown(output) as observer:
        trained = train_on_stored_dataset(
            parameters, output, settings=settings, observer=observer, progress=lambda _: None, engine=engine
        )
    report = asyncio.run(_register(settings, trained))
    if as_json:
        print_json(result_as_json(output, trained.model, report))
        return
    print_result(output, trained.model.version, trained.model.manifest)
    print_report(report)
    version = trained.model.version
    if report.activated:
        print_next("model", "report", version)
    elif activate:
        print_next("model", "challenge", version, "--percent", "10")
    else:
        print_next("model", "activate", version)


def _say(what: str) -> None:
    """Tell at once what goes on, on standard error as all progress."""
    progress_console().print(what)


@contextmanager
def _shown(output: Path) -> "Iterator[TrainingObserver]":
    """Show a training as a progress bar, and write its learning curves beside the output."""
    from app.cli.training_progress import Observers, ProgressBar
    from models.training.learning_curves import LearningCurves

    with ProgressBar() as bar, LearningCurves(output.with_name(f"{output.name}.tensorboard")) as curves:
        yield Observers(bar, curves)


async def _parameters(
    settings: "Settings",
    *,
    preset: str | None,
    epochs: int | None,
    seed: int | None,
    data_path: Path | None,
    activate: bool,
) -> "TrainingParameters":
    from app.services.container import open_services
    from models.training.preset import load_preset

    async with open_services(settings) as services:
        return await services.trainings.parameters(
            preset=None if preset is None else load_preset(preset),
            epochs=epochs,
            seed=seed,
            data_path=data_path,
            activate=activate,
        )


async def _register(settings: "Settings", trained: "Trained") -> "TrainingReport":
    from app.storage.database import open_database

    async with open_database(settings.database_url.get_secret_value()) as database, database.write() as session:
        return await trained.register(session)
