"""The option `--json [FILE]` of a command: without a file, it prints JSON in place of the tables."""

from typing import Any

from typer.core import TyperCommand

STANDARD_OUTPUT = "-"


class OptionalFile(TyperCommand):
    """A command with an option `--json` that may have no value. Typer has no such option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as in the base class
        """Parse the arguments; the file of a lone `--json` is standard output."""
        completed = []
        for argument, following in zip(args, [*args[1:], None], strict=True):
            completed.append(argument)
            if argument == "--json" and (
                following is None or (following.startswith("-") and following != STANDARD_OUTPUT)
            ):
                completed.append(STANDARD_OUTPUT)
        return super().parse_args(ctx, completed)
