"""The command line application, and how it reports errors."""

import sys
from collections.abc import Mapping
from copy import copy
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from app.cli.json_file import OptionalFile


class LazyCommand(NamedTuple):
    """A command whose module is imported only when the command is used.

    Attributes:
        source: `module:name` of a function, or of a Typer application with commands of its own.
        summary: The first sentence of its help.
        cls: How its arguments are parsed.
    """

    source: str
    summary: str
    cls: type[TyperCommand] = TyperCommand


COMMANDS: Mapping[str, LazyCommand] = {
    "data": LazyCommand("app.cli.data:data_commands", "Obtain and check data sets."),
    "init": LazyCommand("app.cli.init:init_command", "Make a model of a catalogue alone, for the first day."),
    "train": LazyCommand("app.cli.train:train_command", "Train a model and write it as an artifact."),
    "evaluate": LazyCommand("app.cli.evaluate:evaluate_command", "Measure a model beside the baselines.", OptionalFile),
    "compare": LazyCommand("app.cli.compare:compare_command", "Measure all learners beside each other."),
    "serve": LazyCommand("app.cli.serve:serve_command", "Serve the API."),
    "worker": LazyCommand("app.cli.serve:worker_command", "Do jobs in a process of its own."),
    "migrate": LazyCommand("app.cli.serve:migrate_command", "Bring the database to the tables of this release."),
    "import": LazyCommand("app.cli.imports:import_command", "Import a data set into the service's database."),
    "recommend": LazyCommand("app.cli.recommend:recommend_command", "Write lists for all stored users to a file."),
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
        command: Any = get_group(found)
        for each in command.commands.values():
            _add_version_option(each)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name, cls=COMMANDS[name].cls)(found)
        command = get_command(single)
    _add_version_option(command)
    return command


def _add_version_option(command: Any) -> None:  # noqa: ANN401 - see above
    """Let a command show the version too; its help does not repeat that."""
    (of_all,) = (option for option in get_command(app).params if option.name == "_version")
    option = copy(of_all)
    option.expose_value, option.hidden = False, True  # type: ignore[attr-defined]  # it is an option
    command.params.append(option)


app = typer.Typer(
    name="coldstart",
    context_settings={"help_option_names": ["-h", "--help"]},
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
