"""Retention: old interactions and events are deleted, if settings say so."""

import logging
from datetime import timedelta

from app.storage import clock
from app.storage.database import Database
from app.storage.events import EventRepository
from app.storage.interactions import InteractionRepository
from app.storage.users import UserRepository

logger = logging.getLogger(__name__)

_NAMES = {InteractionRepository: "interactions", EventRepository: "events"}

_USERS_AT_ONCE = 200
"""Users of one transaction, so that requests of the same users wait for a moment only."""


async def delete_old(
    repository: type[InteractionRepository | EventRepository], database: Database, *, older_than: timedelta
) -> int:
    """Delete the interactions or events that are older, and return how many there were. Lists of their users change.

    Args:
        repository: Says which of both.
        database: Where they are stored.
        older_than: The retention.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
    """
    deleted = 0
    async with database.read() as session:
        moment = await clock.now(session) - older_than
    while True:
        async with database.read() as session:
            users = await repository(session).users_before(moment, limit=_USERS_AT_ONCE)
        if not users:
            break
        async with database.write() as session:
            await UserRepository(session).touch_all(users)
            deleted += await repository(session).delete_before(moment, users)
    if deleted:
        logger.info("%d %s were older than %d days and are deleted.", deleted, _NAMES[repository], older_than.days)
    return deleted
