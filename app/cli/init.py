"""`coldstart init`: makes the model of the first day from a catalogue alone."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.checks import require_writable_directory
from app.cli.options import Malformed, MalformedOption, SchemaFile, report_skipped, report_warnings
from app.cli.output import JSONOption, print_json


def init_command(
    items: Annotated[Path, typer.Option("--items", exists=True, dir_okay=False, help="The catalogue: CSV or Parquet.")],
    output: Annotated[Path, typer.Option("--out", file_okay=False, help="Directory of the artifact to write.")],
    schema: SchemaFile = None,
    malformed: MalformedOption = Malformed.REFUSE,
    as_json: JSONOption = False,
) -> None:
    """Make a model of a catalogue alone, for the first day of a service.

    It needs no ratings and no training. Lists follow the attributes of what a user chose, and popularity as it grows.
    Train a better model from what the service has collected: `coldstart train --from-database`.

    The schema is inferred from the columns of the catalogue. With --schema, the files that it names for items are read
    from the directory of the catalogue.
    """
    import polars as pl

    from models.data.dataset import Entities
    from models.data.entity_files import read_entities
    from models.data.inferred_schema import inferred_schema
    from models.data.malformed import DataError, MalformedRows
    from models.data.schema import DatasetSchema
    from models.first_day import first_day_model
    from models.training.preset import load_preset

    require_writable_directory(output, "--out")
    chosen = inferred_schema(items) if schema is None else DatasetSchema.from_toml(schema)
    rows = MalformedRows()
    nothing_rated = pl.Series(dtype=pl.String)
    table, source, remarks = read_entities(
        items.parent, chosen.items, noun="item", rated_ids=nothing_rated, malformed=rows
    )
    if rows and malformed is Malformed.REFUSE:
        raise DataError(f"{items}: {len(rows):,} malformed rows\n{rows.summary()}")
    report_skipped(rows)
    report_warnings(remarks)
    complete = chosen.model_copy(update={"items": source})
    model = first_day_model(complete, Entities(table), load_preset("coldstart-implicit"), output)
    if as_json:
        fields = {field.name: field.kind for field in source.fields}
        print_json({"version": model.version, "path": str(output), "items": table.height, "attributes": fields})
        return
    typer.echo(f"{output}: {model.version}, {table.height:,} items")
    for field in source.fields:
        typer.echo(f"  {field.name}: {field.description}")
    typer.echo(f"next: coldstart serve --model {output}")
