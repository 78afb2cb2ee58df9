"""`coldstart import`: a data set's users, items and ratings into the service's database."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, load_dataset
from app.services.importing import Importing
from app.services.importing import Progress as ImportProgress
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade
from models.data.dataset import Dataset

import_commands = typer.Typer(help="Import a data set into the service's database.", no_args_is_help=True)

_Import = Callable[[Importing, Dataset, ImportProgress], Coroutine[Any, Any, None]]


@import_commands.command("items")
def items_command(
    data: DataDirectory, schema: SchemaFile = None, malformed: MalformedOption = Malformed.REFUSE
) -> None:
    """Create or replace the catalogue's items."""
    dataset = load_dataset(data, schema, malformed)
    _run("items", Importing.items, dataset, len(dataset.items))


@import_commands.command("users")
def users_command(
    data: DataDirectory, schema: SchemaFile = None, malformed: MalformedOption = Malformed.REFUSE
) -> None:
    """Create users, or replace their attributes."""
    dataset = load_dataset(data, schema, malformed)
    _run("users", Importing.users, dataset, len(dataset.users))


@import_commands.command("ratings")
def ratings_command(
    data: DataDirectory, schema: SchemaFile = None, malformed: MalformedOption = Malformed.REFUSE
) -> None:
    """Store ratings, one a user and item; the later stays."""
    dataset = load_dataset(data, schema, malformed)
    _run("ratings", Importing.ratings, dataset, len(dataset.ratings))


def _run(what: str, do: _Import, dataset: Dataset, total: int) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(what, total=total)

        async def run() -> None:
            async with open_database(Settings().database_url.get_secret_value()) as database:
                await upgrade(database)
                await do(Importing(database), dataset, lambda done: progress.advance(task, done))

        asyncio.run(run())
    typer.echo(f"imported {total:,} {what}")
