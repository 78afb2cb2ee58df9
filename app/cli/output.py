"""How commands print results: as a table that cuts nothing, or as JSON."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

JSONOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

Cells = Sequence[str | Text]

_INDENT = "  "


def print_json(value: object) -> None:
    """Print a value as JSON, with moments as in the API."""
    from pydantic_core import to_jsonable_python

    typer.echo(json.dumps(to_jsonable_python(value), indent=2, ensure_ascii=False))


def print_text(text: str) -> None:
    """Print a sentence, with line breaks between words where the terminal is narrow."""
    width = terminal_width()
    lines = [text]
    if width is not None:
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False, subsequent_indent=_INDENT)
    for line in lines:
        typer.echo(line)


def print_figures(titles: Sequence[str], rows: Sequence[Cells]) -> None:
    """Print a table of figures. Its first column has names.

    Where the terminal is too narrow for all columns, they stand below each other in several tables.
    """
    groups = _groups_that_fit(titles, rows)
    if groups is None:
        _print_records(titles, rows)
        return
    for columns in groups:
        _print(_table([titles[column] for column in columns], [[row[column] for column in columns] for row in rows]))


def print_list(titles: Sequence[str], rows: Sequence[Cells]) -> None:
    """Print a list of things. Its first column has ids. Where the terminal is too narrow, each is a block."""
    table = _table(titles, rows, figures=False)
    if _fits(table):
        _print(table)
    else:
        _print_records(titles, rows)


def terminal_width() -> int | None:
    """The columns of the terminal, or of the variable COLUMNS; None in a file or a pipe, which have no width."""
    if os.environ.get("COLUMNS") or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def progress_console() -> Console:
    """Where commands show progress: standard error, so that standard output has the result alone."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _groups_that_fit(titles: Sequence[str], rows: Sequence[Cells]) -> list[list[int]] | None:
    """The columns of each table. Every table has the names. None if a column does not fit beside the names."""
    groups = [[0]]
    for column in range(1, len(titles)):
        wider = [*groups[-1], column]
        if _columns_fit(wider, titles, rows):
            groups[-1] = wider
        elif _columns_fit([0, column], titles, rows):
            groups.append([0, column])
        else:
            return None
    return groups


def _columns_fit(columns: Sequence[int], titles: Sequence[str], rows: Sequence[Cells]) -> bool:
    return _fits(_table([titles[column] for column in columns], [[row[column] for column in columns] for row in rows]))


def _table(titles: Sequence[str], rows: Sequence[Cells], *, figures: bool = True) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)) if figures else Table()
    for place, title in enumerate(titles):
        table.add_column(title, no_wrap=True, justify="right" if figures and place else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _natural_width(table: Table) -> int:
    console = _console(10_000)
    return console.measure(table).maximum


def _fits(table: Table) -> bool:
    width = terminal_width()
    return width is None or _natural_width(table) <= width


def _print(table: Table) -> None:
    _console(_natural_width(table)).print(table)


def _print_records(titles: Sequence[str], rows: Sequence[Cells]) -> None:
    names = [" ".join(title.split()) for title in titles]
    longest = max(map(len, names[1:]))
    for name, *cells in rows:
        typer.echo(str(name))
        for title, cell in zip(names[1:], cells, strict=True):
            if str(cell):
                typer.echo(f"{_INDENT}{title:{longest}}  {cell}")


def _console(width: int) -> Console:
    return Console(width=width, highlight=False, markup=False, emoji=False)
