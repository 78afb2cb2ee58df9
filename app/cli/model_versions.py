"""`coldstart model`: the versions that a service knows."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.services.container import open_services
from app.services.model_versions import ModelVersionList
from app.settings import Settings

model_commands = typer.Typer(help="Register, list and activate model versions.", no_args_is_help=True)

_MOST_LISTED = 100


@model_commands.command("register")
def register_command(
    model: Annotated[Path, typer.Argument(file_okay=False, help="Directory of the artifact.")],
) -> None:
    """Make an artifact known to the service, without serving it."""

    async def register() -> str:
        async with open_services(Settings()) as services:
            return await services.model_versions.register(model)

    typer.echo(asyncio.run(register()))


@model_commands.command("list")
def list_command() -> None:
    """List the registered versions, the last one first."""

    async def page() -> ModelVersionList:
        async with open_services(Settings()) as services:
            return await services.model_versions.page(after=None, limit=_MOST_LISTED)

    listed = asyncio.run(page())
    table = Table("version", "created", "active", "path")
    for version in listed.versions:
        active = "yes" if version.id == listed.active else ""
        table.add_row(version.id, f"{version.created_at:%Y-%m-%d %H:%M}", active, version.path)
    Console().print(table)


@model_commands.command("activate")
def activate_command(version: Annotated[str, typer.Argument(help="Id of a registered version.")]) -> None:
    """Serve a registered version from now on; running servers follow with their next request."""

    async def activate() -> None:
        async with open_services(Settings()) as services:
            await services.model_versions.activate(version)

    asyncio.run(activate())
    typer.echo(f"{version} is active")
