"""`coldstart evaluate`: the offline evaluation of an artifact."""

from enum import StrEnum
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.checks import require_writable_file
from app.cli.completion import STATES, complete_states
from app.cli.engine import Address, Engine, EngineOption, connected
from app.cli.json_file import STANDARD_OUTPUT
from app.cli.options import (
    DataDirectory,
    Device,
    Malformed,
    MalformedOption,
    SchemaFile,
    report_skipped,
    report_warnings,
)
from app.cli.output import progress_console


class QueryOrder(StrEnum):
    """How query ratings are chosen: `models.data.evaluation_episodes.Order`, whose module takes long to load."""

    RANDOM = "random"
    TIME = "time"


def evaluate_command(
    model: Annotated[Path, typer.Option(file_okay=False, help="Directory of the artifact.")],
    data: DataDirectory,
    *,
    states: Annotated[str, typer.Option(help="Comma-separated.", autocompletion=complete_states)] = ",".join(STATES),
    seed: Annotated[int, typer.Option(min=0, help="Of the query ratings and the bootstrap.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Local steps, instead of the preset's.")] = None,
    paper_warm: Annotated[
        bool, typer.Option("--paper-warm", help="Evaluate the warm state in sample, as the paper does.")
    ] = False,
    order: Annotated[
        QueryOrder,
        typer.Option(help="The query ratings: random ones, or each user's latest, predicted from the earlier."),
    ] = QueryOrder.RANDOM,
    episodes: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="Evaluate these episodes (JSON Lines) instead.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            dir_okay=False,
            allow_dash=True,
            metavar="[FILE]",
            help="Write the report here as JSON; without a file, print it in place of the tables.",
        ),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", dir_okay=False, help="Write the report here as one HTML file.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write each query rating and its prediction here, as CSV.")
    ] = None,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
    engine: EngineOption = Engine.LOCAL,
    address: Address = None,
) -> None:
    """Evaluate a model in the four states, with and without adaptation, its lists for new users, and the baselines.

    A model that was trained on all ratings is evaluated by its research twin, which has not seen some of them.
    """
    from pydantic import ValidationError

    from app.cli.evaluation_tables import print_report
    from app.reports import report_page
    from models.artifact import load_research_model
    from models.data.episode_files import read_episodes
    from models.data.evaluation_episodes import Order
    from models.data.reader import read_dataset
    from models.data.schema import DatasetSchema
    from models.evaluation import EvaluationConfig, evaluate
    from models.evaluation.batch_runner import apply_here
    from models.training.devices import require_device
    from models.training.threads import compute_in_one_thread

    compute_in_one_thread()
    try:
        config = EvaluationConfig(
            states=tuple(label.strip() for label in states.split(",")),
            seed=seed,
            steps=steps,
            paper_warm=paper_warm,
            order=Order(order),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        option = f"--{str(fault['loc'][0]).replace('_', '-')}"
        raise typer.BadParameter(fault["msg"].removeprefix("Value error, "), param_hint=option) from None
    if episodes and order is QueryOrder.TIME:
        raise typer.BadParameter("the episodes of --episodes have their own order", param_hint="--order")
    prints_json = json_file == Path(STANDARD_OUTPUT)
    if prints_json:
        json_file = None
    for path, option in ((json_file, "--json"), (html_file, "--html"), (predictions, "--predictions")):
        require_writable_file(path, option)
    require_device(device)
    trained = load_research_model(model, device=device)
    dataset, rows = read_dataset(
        data,
        schema=DatasetSchema.from_toml(schema) if schema else trained.schema,
        malformed=malformed.value,
    )
    report_skipped(rows)
    report_warnings(dataset.remarks)
    given = read_episodes(episodes, dataset) if episodes else None
    with connected(engine, address) as is_cluster, Progress(transient=True, console=progress_console()) as progress:
        task = progress.add_task("evaluating", total=1.0)
        report, predicted = evaluate(
            trained,
            dataset,
            config,
            episodes=given,
            progress=lambda share: progress.update(task, completed=share),
            apply=resolve_name("app.cluster.evaluation:apply_on_cluster")(device) if is_cluster else apply_here,
        )
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2), encoding="utf-8")
    if html_file:
        html_file.write_text(report_page(report), encoding="utf-8")
    if predictions:
        predicted.write_csv(predictions)
    if prints_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        print_report(report)
