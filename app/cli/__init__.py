"""The command line: `coldstart …`."""

from app.cli.main import main

__all__ = ["main"]
