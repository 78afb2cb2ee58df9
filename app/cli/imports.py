"""`coldstart import`: imports a data set's users, items, ratings or interactions into the service's database."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import DataDirectory, Malformed, MalformedOption, SchemaFile, report_skipped, report_warnings
from app.cli.output import JSONOption, print_json, progress_console

if TYPE_CHECKING:
    from app.services.imports import Imported
    from models.data.accepted import Accepted


class ImportedPart(StrEnum):
    """A part of a data set; the values are those of `app.services.imports.Imported`, whose module loads torch."""

    ITEMS = "items"
    USERS = "users"
    RATINGS = "ratings"
    INTERACTIONS = "interactions"


def import_command(
    what: Annotated[ImportedPart, typer.Argument(help="Which part of the data set.")],
    data: DataDirectory,
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    as_json: JSONOption = False,
) -> None:
    """Import items, users, ratings or interactions into the service's database.

    Rows are checked like requests: by the schema of the active model, and ratings and interactions by the catalogue.
    Nothing is imported if a row is refused, unless --malformed skip leaves such rows out. Of two ratings of an item the
    later is kept. An interaction that is imported again counts once.
    """
    from app.services.imports import DatasetImporter, Imported, part_of
    from app.settings import read_settings
    from app.storage.database import open_database, require_usable
    from models.data.reader import find_schema, read_dataset
    from models.data.schema import DatasetSchema

    url = read_settings().database_url.get_secret_value()
    asyncio.run(require_usable(url))
    imported = Imported(what)
    part = part_of(DatasetSchema.from_toml(schema) if schema else find_schema(data), imported)
    accepted = asyncio.run(_accepted(url, imported))
    dataset, rows = read_dataset(data, schema=part, malformed=malformed.value, accepted=accepted)
    report_skipped(rows)
    report_warnings(dataset.remarks)
    store, total = {
        Imported.ITEMS: (DatasetImporter.items, len(dataset.items)),
        Imported.USERS: (DatasetImporter.users, len(dataset.users)),
        Imported.RATINGS: (DatasetImporter.ratings, int(dataset.ratings.rated.sum())),
        Imported.INTERACTIONS: (DatasetImporter.interactions, int((~dataset.ratings.rated).sum())),
    }[imported]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=progress_console()) as progress:
        task = progress.add_task(what.value, total=total)

        async def run() -> None:
            async with open_database(url) as database:
                await store(DatasetImporter(database), dataset, lambda done: progress.advance(task, done))

        asyncio.run(run())
    if as_json:
        print_json({"what": what, "imported": total, "skipped": len(rows)})
    else:
        typer.echo(f"imported {total:,} {what.value}")


async def _accepted(url: str, what: "Imported") -> "Accepted":
    from app.services.imports import accepted_by
    from app.storage.database import open_database
    from app.storage.migrate import upgrade

    async with open_database(url) as database:
        await upgrade(database)
        return await accepted_by(database, what)
