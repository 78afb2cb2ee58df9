"""`coldstart key`: creates, lists and revokes API keys.

The API has no routes for this, so that a stolen key cannot create another one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.completion import complete_key
from app.cli.output import JSONOption, print_json, print_list

if TYPE_CHECKING:
    from app.services.api_keys import APIKeyService
    from app.settings import Settings
    from app.storage.tables import APIKey

key_commands = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

ResultT = TypeVar("ResultT")


class Scope(StrEnum):
    """What a key may do; the values are those of `app.storage.tables.KeyScope`, whose module takes long to import."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


KeyName = Annotated[str, typer.Argument(help="Name of the key, such as who uses it and for what.")]


@key_commands.command("create")
def create_command(
    name: KeyName,
    scope: Annotated[
        Scope,
        typer.Option(
            help="read: read everything. write: also change users, ratings, skips and events. admin: everything."
        ),
    ],
    as_json: JSONOption = False,
) -> None:
    """Create a key and print it. Only its hash is stored, so it cannot be shown again."""
    from app.storage.tables import KeyScope

    key = _with_keys(lambda keys: keys.create(name, KeyScope(scope)))
    if as_json:
        print_json({"name": name, "scope": scope, "key": key})
    else:
        typer.echo(key)


@key_commands.command("list")
def list_command(as_json: JSONOption = False) -> None:
    """List all keys, including revoked ones."""
    listed = _with_keys(lambda keys: keys.all())
    if as_json:
        print_json({"items": [_as_json(key) for key in listed]})
        return
    print_list(
        ("name", "scope", "created", "last used", "revoked"),
        [
            (key.name, key.scope, _shown(key.created_at), _shown(key.last_used_at), _shown(key.revoked_at))
            for key in listed
        ],
    )


def _as_json(key: "APIKey") -> dict[str, object]:
    moments = {"created_at": key.created_at, "last_used_at": key.last_used_at, "revoked_at": key.revoked_at}
    return {"name": key.name, "scope": key.scope, **moments}


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


@key_commands.command("revoke")
def revoke_command(
    name: Annotated[str, typer.Argument(help="Name of the key.", autocompletion=complete_key)],
) -> None:
    """Revoke a key. Running servers stop accepting it within seconds."""
    _with_keys(lambda keys: keys.revoke(name))
    typer.echo(f"{name} is revoked")


def _with_keys(do: "Callable[[APIKeyService], Awaitable[ResultT]]") -> ResultT:
    from app.settings import read_settings

    return asyncio.run(with_keys(do, read_settings()))


async def with_keys(do: "Callable[[APIKeyService], Awaitable[ResultT]]", settings: "Settings") -> ResultT:
    """Call `do` with the keys of a service."""
    from app.services.api_keys import open_api_keys
    from app.storage.database import open_database, require_usable
    from app.storage.migrate import upgrade

    url = settings.database_url.get_secret_value()
    await require_usable(url)
    async with open_database(url) as database:
        await upgrade(database)
        async with open_api_keys(database, required=not settings.allow_anonymous) as keys:
            return await do(keys)
