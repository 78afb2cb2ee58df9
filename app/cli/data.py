"""`coldstart data`: downloads and checks data sets."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.cli.checks import require_writable_directory
from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, load_dataset
from app.jobs.training import LEAST_USERS
from models.data.dataset import Dataset, State
from models.data.download import PUBLIC_DATASETS, fetch
from models.data.splits import Split, SplitConfig
from models.train import LEAST_OF_A_USER, require_trainable
from models.training.preset import default_preset, load_preset

data_commands = typer.Typer(help="Download and check data sets.", no_args_is_help=True)


@data_commands.command("fetch")
def fetch_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(PUBLIC_DATASETS)}.")],
    directory: Annotated[
        Path, typer.Option("--to", file_okay=False, help="Directory in which to put it, under its name.")
    ] = Path("data"),
) -> None:
    """Download a public data set, unless it is already there."""
    require_writable_directory(directory, "--to")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(name, total=None)
        target = fetch(
            name,
            directory,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    typer.echo(target)


@data_commands.command("check")
def check_command(
    data: DataDirectory, schema: SchemaFile = None, malformed: MalformedOption = Malformed.REFUSE
) -> None:
    """Read a data set, print a summary, and say which preset fits it and what is missing for a training."""
    dataset = load_dataset(data, schema, malformed)
    ratings = dataset.ratings
    typer.echo(
        f"{dataset.schema.name}: {_contents(dataset)} "
        f"by {np.count_nonzero(np.diff(ratings.offsets)):,} of {len(dataset.users):,} users "
        f"of {len(np.unique(ratings.items)):,} of {len(dataset.items):,} items"
    )
    if ratings.states is not None:
        for state in State:
            typer.echo(f"  {state.label}: {np.count_nonzero(ratings.states == state):,} ratings")
    for entity, source in (("user", dataset.schema.users), ("item", dataset.schema.items)):
        fields = ", ".join(f"{field.name} ({field.description})" for field in source.fields)
        typer.echo(f"  {entity} attributes: {fields or 'none'}")
    for remark in dataset.remarks:
        if not remark.is_warning:
            typer.echo(f"  {remark.text}")
    preset = default_preset(dataset)
    users = int((np.diff(ratings.offsets) >= LEAST_OF_A_USER).sum())
    enough = f"{LEAST_OF_A_USER} ratings or interactions or more"
    typer.echo(f"  preset: {preset}; {users:,} users have {enough}")
    if users < LEAST_USERS:
        typer.echo(
            f"  a service trains on {LEAST_USERS} such users or more; until then: coldstart init --items FILE --out DIR"
        )
    require_trainable(dataset, Split.of(dataset, SplitConfig()), load_preset(preset))


def _contents(dataset: Dataset) -> str:
    """How many ratings there are, and how many interactions of each kind."""
    ratings, parts = dataset.ratings, []
    if count := np.count_nonzero(ratings.rated):
        parts.append(f"{count:,} ratings ({dataset.schema.rating_scale})")
    if ratings.kinds is not None:
        counts = np.bincount(ratings.kinds[~ratings.rated], minlength=len(dataset.schema.kinds))
        named = zip(dataset.schema.kinds, counts.tolist(), strict=True)
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in named if count)
        parts.append(f"{np.count_nonzero(~ratings.rated):,} interactions ({kinds})")
    return " and ".join(parts)
