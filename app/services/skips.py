"""Skips: items that a user was asked to rate and could not."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.errors import SkipNotFoundError, UserNotFoundError
from app.services.model_host import ModelHost
from app.services.validation import missing_item_errors, raise_if_invalid
from app.storage.database import Database
from app.storage.skips import SkipRepository
from app.storage.tables import Skip
from app.storage.users import UserRepository


class SkipService:
    """Stores, lists and deletes skips."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def add(self, user_id: str, item_ids: Sequence[str]) -> None:
        """Store skips, and create the user if new. Items that the user has rated are left out.

        Raises:
            InvalidRequestError: If an item is not in the catalogue; nothing is stored.
            NoActiveModelError: If no model is being served: it holds the catalogue in memory. Nothing is stored.
        """
        served = await self._host.current(user_id)
        raise_if_invalid(missing_item_errors(item_ids, served.missing(item_ids), where="item_ids"))
        async with self._database.write() as session:
            await UserRepository(session).save({user_id: None})
            await SkipRepository(session).save(user_id, item_ids, skipped_at=datetime.now(UTC))

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[Skip]:
        """A user's skips by item id, after the key `after`.

        Raises:
            UserNotFoundError: If the user is unknown.
        """
        async with self._database.read() as session:
            if await UserRepository(session).get(user_id) is None:
                raise UserNotFoundError(user_id)
            return await SkipRepository(session).page(user_id, after=after, limit=limit)

    async def delete(self, user_id: str, item_id: str) -> None:
        """Delete one skip: the item can be a candidate again.

        Raises:
            UserNotFoundError: If the user is unknown.
            SkipNotFoundError: If the user has not skipped the item.
        """
        async with self._database.write() as session:
            if not await UserRepository(session).touch(user_id):
                raise UserNotFoundError(user_id)
            if not await SkipRepository(session).delete(user_id, item_id):
                raise SkipNotFoundError(user_id, item_id)
