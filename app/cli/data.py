"""`coldstart data`: downloads, checks and converts data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.cli.checks import require_writable_directory
from app.cli.completion import DATASETS, complete_dataset
from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, load_dataset
from app.cli.output import JSONOption, print_json, progress_console

if TYPE_CHECKING:
    from models.data.dataset import Dataset

data_commands = typer.Typer(help="Download, check and convert data sets.", no_args_is_help=True)


@data_commands.command("fetch")
def fetch_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.", autocompletion=complete_dataset)],
    directory: Annotated[
        Path, typer.Option("--to", file_okay=False, help="Directory in which to put it, under its name.")
    ] = Path("data"),
    as_json: JSONOption = False,
) -> None:
    """Download a public data set, unless it is already there."""
    from models.data.download import fetch

    require_writable_directory(directory, "--to")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True, console=progress_console()) as progress:
        task = progress.add_task(name, total=None)
        target = fetch(
            name,
            directory,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        print_json({"name": name, "directory": str(target)})
    else:
        typer.echo(target)


@data_commands.command("check")
def check_command(
    data: DataDirectory,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    as_json: JSONOption = False,
) -> None:
    """Read a data set, print a summary, and say which preset fits it and what is missing for a training."""
    from models.data.splits import Split, SplitConfig
    from models.training.preset import default_preset, load_preset
    from models.training.stages import require_trainable

    dataset = load_dataset(data, schema, malformed)
    if as_json:
        print_json(_summary(dataset))
    else:
        _print_summary(dataset)
    require_trainable(dataset, Split.of(dataset, SplitConfig()), load_preset(default_preset(dataset)))


@data_commands.command("convert")
def convert_command(
    data: DataDirectory,
    out: Annotated[
        Path, typer.Option("--out", file_okay=False, help="New directory, for the --data of other commands.")
    ],
    schema: SchemaFile = None,
    as_json: JSONOption = False,
) -> None:
    """Convert more ratings than fit into memory: a training then reads them from mapped files."""
    from models.data.large import convert_ratings
    from models.data.schema import DatasetSchema

    ratings = convert_ratings(data, out, schema=DatasetSchema.from_toml(schema) if schema else None)
    if as_json:
        print_json({"ratings": ratings, "directory": str(out)})
    else:
        typer.echo(f"{ratings:,} ratings in {out}")


def _print_summary(dataset: "Dataset") -> None:
    from app.jobs.training import LEAST_USERS
    from models.data.dataset import State
    from models.training.preset import default_preset
    from models.training.stages import LEAST_OF_A_USER

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
    users = _trainable_users(dataset)
    enough = f"{LEAST_OF_A_USER} ratings or interactions or more"
    typer.echo(f"  preset: {default_preset(dataset)}; {users:,} users have {enough}")
    if users < LEAST_USERS:
        typer.echo(
            f"  a service trains on {LEAST_USERS} such users or more; until then: coldstart init --items FILE --out DIR"
        )


def _summary(dataset: "Dataset") -> dict[str, Any]:
    """What `data check` says, for programs."""
    from models.data.dataset import State
    from models.training.preset import default_preset

    ratings, schema = dataset.ratings, dataset.schema
    return {
        "name": schema.name,
        "ratings": int(np.count_nonzero(ratings.rated)),
        "rating_scale": None if schema.rating_scale is None else schema.rating_scale.model_dump(mode="json"),
        "interactions": _kind_counts(dataset),
        "users": len(dataset.users),
        "active_users": int(np.count_nonzero(np.diff(ratings.offsets))),
        "items": len(dataset.items),
        "active_items": len(np.unique(ratings.items)),
        "states": None
        if ratings.states is None
        else {state.label: int(np.count_nonzero(ratings.states == state)) for state in State},
        "attributes": {
            name: [
                {"name": field.name, "kind": field.kind, "description": field.description} for field in source.fields
            ]
            for name, source in (("users", schema.users), ("items", schema.items))
        },
        "remarks": [remark.text for remark in dataset.remarks if not remark.is_warning],
        "warnings": [remark.text for remark in dataset.remarks if remark.is_warning],
        "preset": default_preset(dataset),
        "trainable_users": _trainable_users(dataset),
    }


def _trainable_users(dataset: "Dataset") -> int:
    from models.training.stages import LEAST_OF_A_USER

    return int((np.diff(dataset.ratings.offsets) >= LEAST_OF_A_USER).sum())


def _kind_counts(dataset: "Dataset") -> dict[str, int]:
    """The number of interactions of each kind that occurs."""
    ratings, kinds = dataset.ratings, dataset.schema.kinds
    if ratings.kinds is None:
        return {}
    counts = np.bincount(ratings.kinds[~ratings.rated], minlength=len(kinds)).tolist()
    return {kind: count for kind, count in zip(kinds, counts, strict=True) if count}


def _contents(dataset: "Dataset") -> str:
    """How many ratings there are, and how many interactions of each kind."""
    ratings, parts = dataset.ratings, []
    if count := np.count_nonzero(ratings.rated):
        parts.append(f"{count:,} ratings ({dataset.schema.rating_scale})")
    if ratings.kinds is not None:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in _kind_counts(dataset).items())
        parts.append(f"{np.count_nonzero(~ratings.rated):,} interactions ({kinds})")
    return " and ".join(parts)
