from importlib.metadata import version

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from app.cli.main import COMMANDS, app


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_help_lists_every_command() -> None:
    output = shown("--help")
    for name, command in COMMANDS.items():
        assert name in output
        assert command.summary in output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_describes_it(name: str) -> None:
    assert f" {name} " in shown(name, "--help")


def test_version_option_prints_the_package_version() -> None:
    assert shown("--version") == f"coldstart {version('coldstart-recommender')}\n"


def test_unknown_command_is_refused_by_name() -> None:
    result = CliRunner().invoke(app, ["nothing"])
    assert result.exit_code == 2
    assert "nothing" in result.output


def test_command_resolved_by_name_has_its_options() -> None:
    context = typer.Context(get_command(app))
    group = context.command
    _, command, rest = group.resolve_command(context, ["train", "--epochs", "2"])
    assert rest == ["--epochs", "2"]
    assert {"epochs", "seed", "data"} <= {parameter.name for parameter in command.params}
