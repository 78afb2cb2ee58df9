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


def paths() -> list[tuple[str, ...]]:
    """Every command and every group, as words."""
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        _, command, _ = GROUP.resolve_command(typer.Context(GROUP), [name])
        found += [(name,), *((name, below) for below in getattr(command, "commands", ()))]
    return found


GROUP = get_command(app)
SHOWS_NO_DATA = {("serve",), ("worker",), ("migrate",), ("model", "activate"), ("model", "challenge")}
SHOWS_NO_DATA |= {("model", "end-challenge"), ("key", "revoke")}


@pytest.mark.parametrize("path", paths(), ids=lambda path: " ".join(path) or "coldstart")
def test_every_level_has_short_help_and_the_version(path: tuple[str, ...]) -> None:
    assert shown(*path, "-h") == shown(*path, "--help")
    assert shown(*path, "--version") == shown("--version")


def test_every_command_that_shows_data_has_json() -> None:
    commands = [path for path in paths() if path and path not in {("data",), ("model",), ("key",)}]
    assert [path for path in commands if ("--json" in shown(*path, "-h")) != (path not in SHOWS_NO_DATA)] == []
