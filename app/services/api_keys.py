"""API keys: whose request it is, and what it may do."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import DatabaseUnavailableError, InvalidKeyError, KeyScopeError, MissingKeyError
from app.storage.api_keys import APIKeyRepository
from app.storage.database import Database
from app.storage.tables import ID_LENGTH, APIKey, KeyScope

KNOWN_SECONDS = 5.0
"""The longest time for which a revoked key may still work."""

_PREFIX = "coldstart_"  # lets scanners of leaked secrets recognise a key
_KEY_BYTES = 32
_UNKNOWN_SECONDS = 1.0
_NOTING_SECONDS = 60.0


class KeyManagementError(Exception):
    """A key cannot be created or revoked, or the service needs one. The message says what to do."""


@dataclass(frozen=True)
class Caller:
    """The name of the key that a request carries, and what the key may do."""

    name: str
    scope: KeyScope


class APIKeyService:
    """Creates, lists, revokes and recognises keys.

    A key is 256 random bits, so its SHA-256 is as good a hash as any: slow hashes (bcrypt, Argon2) protect secrets that
    people choose and others can guess, and would cost every request tens of milliseconds. A key is looked up by its
    digest. The time that this takes reveals nothing about keys, because an attacker cannot choose a digest.

    All valid keys are held in memory, because they are few. They are read again after `KNOWN_SECONDS`, and for an
    unknown key after a second. So neither valid nor wrong keys cost a database query for each request.

    Args:
        database: Where the keys are.
        required: Whether requests need a key. If not, keys are ignored.
    """

    def __init__(self, database: Database, *, required: bool) -> None:
        self.required = required
        self._database = database
        self._callers: Mapping[str, Caller] = {}
        self._read_at = -KNOWN_SECONDS
        self._reading = asyncio.Lock()
        self._uses: dict[str, datetime] = {}

    async def create(self, name: str, scope: KeyScope) -> str:
        """Create a key and return it. Only its hash is stored, so it cannot be shown again.

        Raises:
            KeyManagementError: If there is or was a key of that name, or the name is not valid.
        """
        if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= ID_LENGTH:
            raise KeyManagementError(f"a key's name has 1 to {ID_LENGTH} printable characters")
        key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        async with self._database.write() as session:
            if not await APIKeyRepository(session).create(name, scope, _digest(key)):
                raise KeyManagementError(f"there is or was a key {name!r}; names are never used again")
        return key

    async def all(self) -> Sequence[APIKey]:
        """All keys, including revoked ones, oldest first."""
        async with self._database.read() as session:
            return await APIKeyRepository(session).all()

    async def revoke(self, name: str) -> None:
        """Revoke a key. Running servers stop accepting it within `KNOWN_SECONDS`.

        Raises:
            KeyManagementError: If there is no such key, or it is revoked already.
        """
        async with self._database.write() as session:
            if not await APIKeyRepository(session).revoke(name):
                raise KeyManagementError(f"there is no key {name!r} that could be revoked")

    async def require_any(self) -> None:
        """Check that there is a key if one is required.

        Raises:
            KeyManagementError: If a key is required and there is none.
        """
        if not self.required:
            return
        async with self._database.read() as session:
            if not await APIKeyRepository(session).valid():
                raise KeyManagementError(
                    "the service is open to the network and there is no API key; create one "
                    "(coldstart key create NAME --scope admin), or let anybody do anything "
                    "(COLDSTART_ALLOW_ANONYMOUS=true)"
                )

    async def authorise(self, key: str | None, scope: KeyScope) -> Caller:
        """The caller that a key belongs to, if the key has this scope.

        Raises:
            MissingKeyError: If there is no key.
            InvalidKeyError: If the key does not exist or was revoked.
            KeyScopeError: If the key's scope does not include this one.
        """
        if not key:
            raise MissingKeyError
        caller = await self._caller(_digest(key))
        if caller is None:
            raise InvalidKeyError
        self._uses[caller.name] = datetime.now(UTC)
        if not caller.scope.includes(scope):
            raise KeyScopeError(has=caller.scope, needs=scope)
        return caller

    async def note_uses(self) -> None:
        """Store when keys were last used."""
        if not self._uses:
            return
        uses, self._uses = self._uses, {}
        try:
            async with self._database.write() as session:
                await APIKeyRepository(session).note_uses(uses)
        except DatabaseUnavailableError:
            self._uses = uses | self._uses  # they are stored the next time

    async def _caller(self, digest: str) -> Caller | None:
        if self._age() < KNOWN_SECONDS and (caller := self._callers.get(digest)):
            return caller
        async with self._reading:
            if self._age() >= (_UNKNOWN_SECONDS if digest not in self._callers else KNOWN_SECONDS):
                read_at = time.monotonic()
                async with self._database.read() as session:
                    valid = await APIKeyRepository(session).valid()
                self._callers = {known: Caller(*named) for known, named in valid.items()}
                self._read_at = read_at
        return self._callers.get(digest)

    def _age(self) -> float:
        return time.monotonic() - self._read_at


@asynccontextmanager
async def open_api_keys(database: Database, *, required: bool) -> AsyncIterator[APIKeyService]:
    """Open the keys. Their last uses are stored once a minute, and when the block ends."""
    keys = APIKeyService(database, required=required)

    async def note_uses_regularly() -> None:
        while True:
            await asyncio.sleep(_NOTING_SECONDS)
            await keys.note_uses()

    noting = asyncio.create_task(note_uses_regularly())
    try:
        yield keys
    finally:
        noting.cancel()
        await asyncio.gather(noting, return_exceptions=True)
        await keys.note_uses()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
