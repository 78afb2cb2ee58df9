"""`coldstart import`: imports a data set's users, items, ratings or interactions into the service's database."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, load_dataset
from app.cli.output import JSONOption, print_json, progress_console


class Imported(StrEnum):
    """The parts of a data set that can be imported."""

    ITEMS = "items"
    USERS = "users"
    RATINGS = "ratings"
    INTERACTIONS = "interactions"


def import_command(
    what: Annotated[Imported, typer.Argument(help="Which part of the data set.")],
    data: DataDirectory,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    as_json: JSONOption = False,
) -> None:
    """Import items, users, ratings or interactions into the service's database.

    Of two ratings of an item the later is kept. An interaction that is imported again counts once.
    """
    from app.services.imports import DatasetImporter
    from app.settings import read_settings
    from app.storage.database import open_database, require_usable
    from app.storage.migrate import upgrade

    url = read_settings().database_url.get_secret_value()
    asyncio.run(require_usable(url))
    dataset = load_dataset(data, schema, malformed)
    store, total = {
        Imported.ITEMS: (DatasetImporter.items, len(dataset.items)),
        Imported.USERS: (DatasetImporter.users, len(dataset.users)),
        Imported.RATINGS: (DatasetImporter.ratings, int(dataset.ratings.rated.sum())),
        Imported.INTERACTIONS: (DatasetImporter.interactions, int((~dataset.ratings.rated).sum())),
    }[what]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=progress_console()) as progress:
        task = progress.add_task(what.value, total=total)

        async def run() -> None:
            async with open_database(url) as database:
                await upgrade(database)
                await store(DatasetImporter(database), dataset, lambda done: progress.advance(task, done))

        asyncio.run(run())
    if as_json:
        print_json({"what": what.value, "imported": total})
    else:
        typer.echo(f"imported {total:,} {what.value}")
