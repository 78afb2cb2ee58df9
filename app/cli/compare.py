"""`coldstart compare`: the leaderboard of all learners and baselines."""

import os
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer

from app.cli.checks import require_writable_directory
from app.cli.completion import complete_presets
from app.cli.engine import Address, Engine, EngineOption, connected
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
    work: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Directory in which results are kept to go on from. [default: OUT.work]"),
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Whether to measure the baselines too.")] = True,
    epochs: Annotated[int | None, typer.Option(min=1, help="Overrides the presets.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes at once, one thread each. [default: one a core]")
    ] = None,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    device: Device = "cpu",
    engine: EngineOption = Engine.LOCAL,
    address: Address = None,
    as_json: JSONOption = False,
) -> None:
    """Train and measure all learners and baselines on the same episodes, and write a leaderboard.

    The directory gets leaderboard.md, leaderboard.json and plots. An interrupted comparison goes on when it is started
    again. What is done is kept by the data and the contents of each preset, so a changed preset is measured again, and
    further presets or seeds add to what is there. On a Ray cluster, all machines must see the directory --work.
    """
    from app.cli.leaderboard_progress import LeaderboardProgress
    from app.reports.leaderboard import leaderboard_plots
    from models.baselines.lists import LIST_BASELINES
    from models.leaderboard.config import LeaderboardConfig, available_baselines, presets_of, require_presets
    from models.leaderboard.figures import leaderboard_of
    from models.leaderboard.jobs import do_jobs
    from models.leaderboard.page import main_table, page, summary
    from models.leaderboard.workbench import Workbench
    from models.training.devices import require_device
    from models.training.threads import compute_in_one_thread

    compute_in_one_thread()
    work = work or output.with_name(f"{output.name}.work")
    require_writable_directory(output, "--out")
    require_writable_directory(work, "--work")
    require_device(device)
    require_presets(learners)
    dataset = load_dataset(data, schema, malformed)
    presets, reference = presets_of(learners, dataset, epochs=epochs)
    config = LeaderboardConfig(
        presets=presets,
        reference=reference,
        baselines=available_baselines() if baselines else (),
        list_baselines=LIST_BASELINES if baselines else (),
        seeds=seeds,
        device=device,
    )
    bench = Workbench(dataset, config, work)
    with connected(engine, address) as is_cluster, LeaderboardProgress(progress_console()) as observer:
        failures = do_jobs(
            bench,
            processes=processes or os.cpu_count() or 1,
            observer=observer,
            elsewhere=resolve_name("app.cluster.comparison:do_jobs_on_cluster") if is_cluster else None,
        )
    leaderboard = leaderboard_of(bench, failures)
    output.mkdir(parents=True, exist_ok=True)
    plots = leaderboard_plots(leaderboard)
    for name, (_, svg) in plots.items():
        (output / _plot_file(name)).write_text(svg, encoding="utf-8")
    titles = {title: _plot_file(name) for name, (title, _) in plots.items()}
    (output / "leaderboard.md").write_text(page(leaderboard, plots=titles), encoding="utf-8")
    (output / "leaderboard.json").write_text(leaderboard.to_json() + "\n", encoding="utf-8")
    if as_json:
        typer.echo(leaderboard.to_json())
    else:
        header, *rows = main_table(leaderboard)
        print_figures(header, rows)
        print_text(summary(leaderboard))
        typer.echo(f"{output / 'leaderboard.md'}")
    for missing in leaderboard.missing:
        typer.echo(f"{'left out' if missing.is_left_out else 'failed'}: {missing.reason}", err=True)
    if any(not missing.is_left_out for missing in leaderboard.missing):
        raise typer.Exit(1)


def _plot_file(name: str) -> str:
    return f"leaderboard-{name}.svg"
