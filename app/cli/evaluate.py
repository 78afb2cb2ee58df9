"""`coldstart evaluate`: the offline evaluation of an artifact."""

import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.cli.checks import require_writable_file
from app.cli.options import (
    DataDirectory,
    Device,
    Malformed,
    MalformedOption,
    SchemaFile,
    report_skipped,
    report_warnings,
)
from app.reports import report_page
from models.artifact import load_research_model
from models.data.dataset import State
from models.data.episode_files import read_episodes
from models.data.episodes import Order
from models.data.reader import read_dataset
from models.data.schema import DatasetSchema
from models.evaluation import Estimate, EvaluationConfig, EvaluationReport, StateReport, evaluate
from models.evaluation.figures import ListTable
from models.metrics import measure_title
from models.metrics.lists import DISTINCT_ITEMS, LIST_NDCG, LIST_SIMILARITY
from models.training.devices import require_device
from models.training.threads import compute_in_one_thread

_TABLE_WIDTH = 120
_COLUMN_WIDTH = 13
_SHOWN = ("mae", "mae_of_mean", "rmse", "ndcg@1_linear", "ndcg@3_linear", "nll")
"""The measures that fit into a terminal."""

_ALL_STATES = ",".join(state.label for state in State)


def evaluate_command(
    model: Annotated[Path, typer.Option(file_okay=False, help="Directory of the artifact.")],
    data: DataDirectory,
    *,
    states: Annotated[str, typer.Option(help="Comma-separated.")] = _ALL_STATES,
    seed: Annotated[int, typer.Option(min=0, help="Of the query ratings and the bootstrap.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Local steps, instead of the preset's.")] = None,
    paper_warm: Annotated[
        bool, typer.Option("--paper-warm", help="Evaluate the warm state in sample, as the paper does.")
    ] = False,
    order: Annotated[
        Order, typer.Option(help="The query ratings: random ones, or each user's latest, predicted from the earlier.")
    ] = Order.RANDOM,
    episodes: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="Evaluate these episodes (JSON Lines) instead.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the report here.")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", dir_okay=False, help="Write the report here as one HTML file.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write each query rating and its prediction here, as CSV.")
    ] = None,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
) -> None:
    """Evaluate a model in the four states, with and without adaptation, its lists for new users, and the baselines.

    A model that was trained on all ratings is evaluated by its research twin, which has not seen some of them.
    """
    compute_in_one_thread()
    try:
        config = EvaluationConfig(
            states=tuple(label.strip() for label in states.split(",")),
            seed=seed,
            steps=steps,
            paper_warm=paper_warm,
            order=order,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        option = f"--{str(fault['loc'][0]).replace('_', '-')}"
        raise typer.BadParameter(fault["msg"].removeprefix("Value error, "), param_hint=option) from None
    if episodes and order is Order.TIME:
        raise typer.BadParameter("the episodes of --episodes have their own order", param_hint="--order")
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
    with Progress(transient=True) as progress:
        task = progress.add_task("evaluating", total=1.0)
        report, predicted = evaluate(
            trained,
            dataset,
            config,
            episodes=given,
            progress=lambda share: progress.update(task, completed=share),
        )
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2), encoding="utf-8")
    if html_file:
        html_file.write_text(report_page(report), encoding="utf-8")
    if predictions:
        predicted.write_csv(predictions)
    _print(report)


def _print(report: EvaluationReport) -> None:
    # A file or a pipe has no width of its own.
    console = Console() if sys.stdout.isatty() else Console(width=_TABLE_WIDTH)
    for state in report.states:
        if state.predictors:
            console.print(_table(state))
            for line in _users_left_out(state):
                console.print(line)
        else:
            console.print(f"{state.state}: no user has enough ratings")
    if report.lists:
        console.print(_list_table("lists of the whole catalogue", report.lists.catalogue))
        if report.lists.new_items:
            console.print(_list_table("lists of new items alone", report.lists.new_items))
    for note in (*report.notes, *(report.lists.notes if report.lists else ())):
        console.print(f"note: {note}")
    console.print("Further measures, curves and calibration: --json FILE, --html FILE.")


def _table(state: StateReport) -> Table:
    title = f"{state.state}: {state.users:,} users, {state.mean_support:.1f} support ratings on average"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("95 % intervals as ±", no_wrap=True, min_width=21)
    shown = [measure for measure in _SHOWN if measure in state.predictors[0].measures]
    for measure in shown:
        header = "\n".join(textwrap.wrap(measure_title(measure), _COLUMN_WIDTH))
        table.add_column(header, justify="right", no_wrap=True)
    for predictor in state.predictors:
        estimates = [predictor.measures.get(measure) for measure in shown]
        table.add_row(predictor.name, *("" if estimate is None else _cell(estimate) for estimate in estimates))
    return table


def _list_table(title: str, lists: ListTable) -> Table:
    table = Table(
        title=f"{title}: {lists.users:,} new users, {lists.items:,} items; {LIST_NDCG.title} after … ratings",
        caption=f"items: {DISTINCT_ITEMS.title}; alike: {LIST_SIMILARITY.title}; both after {lists.sizes[-1]} ratings",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        padding=(0, 1, 0, 0),
        box=box.SIMPLE_HEAD,
    )
    table.add_column("95 % intervals as ±", no_wrap=True)
    for header in (*map(str, lists.sizes), "items", "alike"):
        table.add_column(header, justify="right", no_wrap=True)
    for contestant in lists.contestants:
        over_all = contestant.by_size[-1].over_all
        similarity = over_all.get(LIST_SIMILARITY.name)
        table.add_row(
            contestant.name,
            *(_cell(cell.measures[LIST_NDCG.name]).replace("±0.", "±.") for cell in contestant.by_size),
            f"{over_all[DISTINCT_ITEMS.name]:,.0f}",
            "" if similarity is None else f"{similarity:.2f}",
        )
    return table


def _users_left_out(state: StateReport) -> list[str]:
    """One line for each measure of each predictor that is undefined for some users."""
    return [
        f"{predictor.name}: {measure_title(measure)} is undefined for {estimate.undefined_users:,} users; "
        "they are left out of it"
        for predictor in state.predictors
        for measure, estimate in predictor.measures.items()
        if measure in _SHOWN and estimate.undefined_users
    ]


def _cell(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [dim]±{(estimate.high - estimate.low) / 2:.3f}[/dim]"
