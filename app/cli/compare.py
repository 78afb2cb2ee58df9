"""`coldstart compare`: the leaderboard of all learners and baselines."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.checks import require_writable_directory
from app.cli.completion import complete_presets
from app.cli.options import DataDirectory, Device, Malformed, MalformedOption, SchemaFile, load_dataset
from app.cli.output import JSONOption, print_figures, print_text, progress_console


def compare_command(
    data: DataDirectory,
    *,
    learners: Annotated[
        str,
        typer.Option(
            help="Comma-separated names of presets or paths of TOML files; all: those that come with the product.",
            autocompletion=complete_presets,
        ),
    ] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: trainings of each learner, and draws.")] = 3,
    output: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Directory of the pages, plots and results to write.")
    ] = Path("leaderboard"),
    baselines: Annotated[bool, typer.Option(help="Whether to measure the baselines too.")] = True,
    epochs: Annotated[int | None, typer.Option(min=1, help="Overrides the presets.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes at once, one thread each. [default: one a core]")
    ] = None,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
    as_json: JSONOption = False,
) -> None:
    """Train and measure all learners and baselines on the same episodes, and write a leaderboard.

    The directory gets leaderboard.md, leaderboard.json and plots. An interrupted comparison goes on when it is started
    again: results are kept beside the directory, in OUT.work. They belong to the data and to the contents of a preset,
    so a changed preset is measured anew, and further presets or seeds add to what is there.
    """
    from pydantic import ValidationError

    from app.cli.leaderboard_progress import LeaderboardProgress
    from app.reports.leaderboard import leaderboard_plots
    from models.leaderboard.config import LeaderboardConfig, available_baselines, presets_of
    from models.leaderboard.figures import leaderboard_of
    from models.leaderboard.jobs import do_jobs
    from models.leaderboard.page import main_table, page, summary
    from models.leaderboard.workbench import Workbench
    from models.training.devices import require_device
    from models.training.preset import PresetError
    from models.training.threads import compute_in_one_thread

    compute_in_one_thread()
    require_writable_directory(output, "--out")
    require_device(device)
    dataset = load_dataset(data, schema, malformed)
    presets, reference = presets_of(learners, dataset, epochs=epochs)
    measured = {} if baselines else {"baselines": (), "list_baselines": ()}
    try:
        config = LeaderboardConfig(
            presets=presets,
            reference=reference,
            seeds=seeds,
            device=device,
            **{"baselines": available_baselines(), **measured},
        )
    except ValidationError as error:
        raise PresetError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    bench = Workbench(dataset, config, output.with_name(f"{output.name}.work"))
    with LeaderboardProgress(progress_console()) as observer:
        failures = do_jobs(bench, processes=processes or os.cpu_count() or 1, observer=observer)
    leaderboard = leaderboard_of(bench, failures)
    output.mkdir(parents=True, exist_ok=True)
    plots = leaderboard_plots(leaderboard)
    for name, (_, svg) in plots.items():
        (output / _plot_file(name)).write_text(svg, encoding="utf-8")
    titles = {title: _plot_file(name) for name, (title, _) in plots.items()}
    (output / "leaderboard.md").write_text(page(leaderboard, plots=titles), encoding="utf-8")
    (output / "leaderboard.json").write_text(leaderboard.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(leaderboard.model_dump_json(indent=1))
    else:
        header, *rows = main_table(leaderboard)
        print_figures(header, rows)
        print_text(summary(leaderboard))
        typer.echo(f"{output / 'leaderboard.md'}")
    failed = [missing for missing in leaderboard.missing if not missing.is_left_out]
    for missing in leaderboard.missing:
        print_reason = f"failed: {missing.reason}" if missing in failed else f"left out: {missing.reason}"
        typer.echo(print_reason, err=True)
    if failed:
        raise typer.Exit(1)


def _plot_file(name: str) -> str:
    return f"leaderboard-{name}.svg"
