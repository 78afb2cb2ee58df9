"""What a command checks before it starts to work, so that a mistake costs no time."""

import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from app.settings import Settings

_IN_USE = errno.EADDRINUSE
_FORBIDDEN = errno.EACCES


def require_writable_file(path: Path | None, option: str) -> None:
    """Refuse an output that could not be written at the end.

    Raises:
        typer.BadParameter: If its directory is missing, or cannot be written to.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise typer.BadParameter(f"the directory {path.parent} does not exist: make it first", param_hint=option)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written: choose another file", param_hint=option)


def require_writable_directory(path: Path, option: str) -> None:
    """Refuse an output directory that could not be made.

    Raises:
        typer.BadParameter: If something that is no directory is in the way, or its parent cannot be written to.
    """
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not existing.is_dir():
        raise typer.BadParameter(f"{existing} is not a directory: choose another one", param_hint=option)
    if not os.access(existing, os.W_OK):
        raise typer.BadParameter(f"{existing} cannot be written to: choose another directory", param_hint=option)


def require_free_port(host: str, port: int) -> None:
    """Refuse an address on which this process cannot listen.

    Raises:
        SettingsError: If it is used by another program, is not this machine's, or needs more rights.
    """
    from app.settings import SettingsError

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, so that restarts work
            probe.bind((host, port))
    except OSError as error:
        if error.errno == _IN_USE:
            raise SettingsError(
                f"port {port} is in use by another program: stop it, or choose another port (--port, COLDSTART_PORT)"
            ) from error
        if error.errno == _FORBIDDEN:
            raise SettingsError(
                f"port {port} needs more rights: choose one above 1023 (--port, COLDSTART_PORT)"
            ) from error
        raise SettingsError(
            f"{host} is not an address of this machine ({error.strerror}): correct --host or COLDSTART_HOST"
        ) from error


def require_directories(settings: "Settings") -> None:
    """Refuse directories of the settings that are missing.

    Raises:
        SettingsError: If the data set is missing, or the state directory cannot be made.
    """
    from app.settings import SettingsError

    if settings.data_dir is not None and not settings.data_dir.is_dir():
        raise SettingsError(f"COLDSTART_DATA_DIR: there is no directory {settings.data_dir}")
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"COLDSTART_STATE_DIR: {settings.state_dir} cannot be made ({error.strerror})") from error
