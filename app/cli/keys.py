"""`coldstart key`: creates, lists and revokes API keys.

The API has no routes for this, so that a stolen key cannot create another one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from app.services.api_keys import APIKeyService, open_api_keys
from app.settings import Settings, read_settings
from app.storage.database import open_database, require_usable
from app.storage.migrate import upgrade
from app.storage.tables import KeyScope

key_commands = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

ResultT = TypeVar("ResultT")
KeyName = Annotated[str, typer.Argument(help="Name of the key, such as who uses it and for what.")]


@key_commands.command("create")
def create_command(
    name: KeyName,
    scope: Annotated[
        KeyScope,
        typer.Option(
            help="read: read everything. write: also change users, ratings, skips and events. admin: everything."
        ),
    ],
) -> None:
    """Create a key and print it. Only its hash is stored, so it cannot be shown again."""
    typer.echo(asyncio.run(with_keys(lambda keys: keys.create(name, scope), read_settings())))


@key_commands.command("list")
def list_command() -> None:
    """List all keys, including revoked ones."""
    table = Table("name", "scope", "created", "last used", "revoked")
    for key in asyncio.run(with_keys(APIKeyService.all, read_settings())):
        moments = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (key.last_used_at, key.revoked_at))
        table.add_row(key.name, key.scope, f"{key.created_at:%Y-%m-%d %H:%M}", *moments)
    Console().print(table)


@key_commands.command("revoke")
def revoke_command(name: KeyName) -> None:
    """Revoke a key. Running servers stop accepting it within seconds."""
    asyncio.run(with_keys(lambda keys: keys.revoke(name), read_settings()))
    typer.echo(f"{name} is revoked")


async def with_keys(do: Callable[[APIKeyService], Awaitable[ResultT]], settings: Settings) -> ResultT:
    """Call `do` with the keys of a service."""
    url = settings.database_url.get_secret_value()
    await require_usable(url)
    async with open_database(url) as database:
        await upgrade(database)
        async with open_api_keys(database, required=not settings.allow_anonymous) as keys:
            return await do(keys)
