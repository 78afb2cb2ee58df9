"""Options that several commands share."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.completion import complete_device

if TYPE_CHECKING:
    from models.data.dataset import Dataset, Remark
    from models.data.malformed import MalformedRows


class Malformed(StrEnum):
    """What to do with malformed rows."""

    REFUSE = "refuse"
    SKIP = "skip"


DataDirectory = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="COLDSTART_DATA_DIR",
        exists=True,
        file_okay=False,
        help="Directory of the data set.",
    ),
]
OptionalDataDirectory = Annotated[
    Path | None,
    typer.Option("--data", envvar="COLDSTART_DATA_DIR", exists=True, file_okay=False, help="Directory of a data set."),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema",
        dir_okay=False,
        help="Schema (TOML) of a data set that is not a known one and has no schema in its directory.",
    ),
]
MalformedOption = Annotated[
    Malformed, typer.Option("--malformed", help="Refuse a data set with malformed rows, or skip these rows.")
]
Device = Annotated[
    str,
    typer.Option(envvar="COLDSTART_DEVICE", help="Where to compute: cpu, cuda, …", autocompletion=complete_device),
]


def load_dataset(directory: Path, schema_file: Path | None, malformed: Malformed) -> "Dataset":
    """Read a data set, and report skipped rows and warnings on standard error."""
    from models.data.reader import read_dataset
    from models.data.schema import DatasetSchema

    schema = DatasetSchema.from_toml(schema_file) if schema_file else None
    dataset, rows = read_dataset(directory, schema=schema, malformed=malformed.value)
    report_skipped(rows)
    report_warnings(dataset.remarks)
    return dataset


def report_skipped(rows: "MalformedRows") -> None:
    """Print how many rows were skipped, and why."""
    if rows:
        typer.echo(f"skipped {len(rows):,} malformed rows\n{rows.summary()}", err=True)


def report_warnings(remarks: "Iterable[Remark]") -> None:
    """Print the warnings among what the reader noticed."""
    for remark in remarks:
        if remark.is_warning:
            typer.echo(f"warning: {remark.text}", err=True)
