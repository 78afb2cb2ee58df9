"""The command line application, and how it reports errors."""

import errno
import sys
from typing import NoReturn

import typer
from rich.console import Console

from app.cli.data import data_commands
from app.cli.evaluate import evaluate_command
from app.cli.imports import import_command
from app.cli.keys import key_commands
from app.cli.model_versions import model_commands
from app.cli.serve import migrate_command, serve_command, worker_command
from app.cli.train import train_command
from app.errors import ServiceError
from app.services.api_keys import KeyManagementError
from models.artifact import ArtifactError
from models.data.download import DownloadError
from models.data.episode_files import EpisodeFileError
from models.data.malformed import DataError
from models.data.schema import SchemaError
from models.training.checkpoint import CheckpointError
from models.training.preset import PresetError
from models.training.threads import compute_in_one_thread

EXPECTED_ERRORS = (
    ArtifactError,
    CheckpointError,
    DataError,
    DownloadError,
    EpisodeFileError,
    KeyManagementError,
    PresetError,
    SchemaError,
    ServiceError,
)
"""Errors whose message tells the user what to change; any other is a fault of the program and shows its traceback."""

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Such an error of the system is the user's to mend as well, whatever was being written: it names the file."""

app = typer.Typer(
    name="coldstart",
    help="A cold-start recommender: train, evaluate and serve a meta-learned user-preference estimator.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold passwords
)
app.add_typer(data_commands, name="data")
app.command("train")(train_command)
app.command("evaluate")(evaluate_command)
app.command("serve")(serve_command)
app.command("worker")(worker_command)
app.command("migrate")(migrate_command)
app.command("import")(import_command)
app.add_typer(model_commands, name="model")
app.add_typer(key_commands, name="key")


def main() -> None:
    """Run a command; an expected error is one line on standard error and exit code 1."""
    compute_in_one_thread()
    try:
        app()
    except EXPECTED_ERRORS as error:
        _fail(error)
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    Console(stderr=True, highlight=False).print(f"[red]error:[/red] {error}", markup=True, soft_wrap=True)
    sys.exit(1)
