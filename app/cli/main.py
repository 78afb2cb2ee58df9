"""The command line application, and how it reports errors."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class LazyCommand(NamedTuple):
    """A command whose module is imported only when the command is used, because most modules import torch.

    Attributes:
        source: `module:name` of a function, or of a Typer application with commands of its own.
        summary: The first sentence of its help.
    """

    source: str
    summary: str


COMMANDS: Mapping[str, LazyCommand] = {
    "data": LazyCommand("app.cli.data:data_commands", "Obtain and check data sets."),
    "init": LazyCommand("app.cli.init:init_command", "Make a model of a catalogue alone, for the first day."),
    "train": LazyCommand("app.cli.train:train_command", "Train a model and write it as an artifact."),
    "evaluate": LazyCommand("app.cli.evaluate:evaluate_command", "Measure a model beside the baselines."),
    "serve": LazyCommand("app.cli.serve:serve_command", "Serve the API."),
    "worker": LazyCommand("app.cli.serve:worker_command", "Do evaluation and training jobs in a process of its own."),
    "migrate": LazyCommand("app.cli.serve:migrate_command", "Bring the database to the tables of this release."),
    "import": LazyCommand("app.cli.imports:import_command", "Import a data set into the service's database."),
    "model": LazyCommand("app.cli.model_versions:model_commands", "Register, list, activate and compare versions."),
    "key": LazyCommand("app.cli.keys:key_commands", "Create, list and revoke API keys."),
}


class _LazyGroup(TyperGroup):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as in the base class
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as in the base class
        """What the list of commands shows of a command."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as in the base class
        """The command that is to be used."""
        name, _, rest = super().resolve_command(ctx, args)  # which ends with an error for an unknown name
        return name, _imported(name) if name else None, rest


def _imported(name: str) -> Any:  # noqa: ANN401 - a command, of a type that Typer does not publish
    found = resolve_name(COMMANDS[name].source)
    if isinstance(found, typer.Typer):
        return get_group(found)
    single = typer.Typer(add_completion=False)
    single.command(name)(found)
    return get_command(single)


app = typer.Typer(
    name="coldstart",
    help="A cold-start recommender: train, evaluate and serve a meta-learned user-preference estimator.",
    cls=_LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold passwords
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coldstart {version('coldstart-recommender')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of `coldstart` itself."""


def main() -> None:
    """Run a command; a user's mistake is one sentence on standard error and exit code 2."""
    try:
        app()
    except Exception as error:
        sentence = resolve_name("app.expected_errors:sentence_about")(error)
        if sentence is None:
            raise
        Console(stderr=True, highlight=False).print("[red]error:[/red]", end=" ")
        Console(stderr=True, highlight=False, markup=False).print(sentence, soft_wrap=True)
        sys.exit(2)
