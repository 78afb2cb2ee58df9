"""`coldstart import`: imports a data set's users, items, ratings or interactions into the service's database."""

import asyncio
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, report_skipped, report_warnings
from app.services.imports import DatasetImporter, Imported, accepted_by, part_of
from app.settings import read_settings
from app.storage.database import open_database, require_usable
from app.storage.migrate import upgrade
from models.data.accepted import Accepted
from models.data.reader import find_schema, read_dataset
from models.data.schema import DatasetSchema


def import_command(
    what: Annotated[Imported, typer.Argument(help="Which part of the data set.")],
    data: DataDirectory,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
) -> None:
    """Import items, users, ratings or interactions into the service's database.

    Rows are checked like requests: by the schema of the active model, and ratings and interactions by the catalogue.
    Nothing is imported if a row is refused, unless --malformed skip leaves such rows out. Of two ratings of an item the
    later is kept. An interaction that is imported again counts once.
    """
    url = read_settings().database_url.get_secret_value()
    asyncio.run(require_usable(url))
    part = part_of(DatasetSchema.from_toml(schema) if schema else find_schema(data), what)
    accepted = asyncio.run(_accepted(url, what))
    dataset, rows = read_dataset(data, schema=part, malformed=malformed.value, accepted=accepted)
    report_skipped(rows)
    report_warnings(dataset.remarks)
    store, total = {
        Imported.ITEMS: (DatasetImporter.items, len(dataset.items)),
        Imported.USERS: (DatasetImporter.users, len(dataset.users)),
        Imported.RATINGS: (DatasetImporter.ratings, int(dataset.ratings.rated.sum())),
        Imported.INTERACTIONS: (DatasetImporter.interactions, int((~dataset.ratings.rated).sum())),
    }[what]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(what.value, total=total)

        async def run() -> None:
            async with open_database(url) as database:
                await store(DatasetImporter(database), dataset, lambda done: progress.advance(task, done))

        asyncio.run(run())
    typer.echo(f"imported {total:,} {what.value}")


async def _accepted(url: str, what: Imported) -> Accepted:
    async with open_database(url) as database:
        await upgrade(database)
        return await accepted_by(database, what)
