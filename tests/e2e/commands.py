"""What a command of `coldstart` has answered."""

from collections.abc import Callable
from typing import NamedTuple


class Run(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


Coldstart = Callable[..., Run]
"""Runs a command with its arguments; see the fixture `coldstart`."""
