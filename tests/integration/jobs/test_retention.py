"""Workers delete old interactions if a setting says so."""

from datetime import UTC, datetime, timedelta

import pytest

from app.jobs import retention
from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRecord, ItemRepository
from app.storage.users import UserRepository, UserState

USERS = [f"u{user}" for user in range(5)]


@pytest.fixture
async def stored(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Five users with an interaction of ten days ago, the first of them also with a new one; and one with none."""
    monkeypatch.setattr(retention, "_USERS_AT_ONCE", 2)
    now = datetime.now(UTC)
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save([ItemRecord("i1", None, {})], version=version)
        await UserRepository(session).save(dict.fromkeys([*USERS, "none"]))
        await InteractionRepository(session).save(
            [
                *((user_id, InteractionEvent("i1", "view", now - timedelta(days=10), "old")) for user_id in USERS),
                ("u0", InteractionEvent("i1", "view", now - timedelta(days=8), "new")),
            ]
        )
    return database


async def state_of(database: Database) -> tuple[dict[str, UserState], dict[str, list[str]]]:
    """The users, and the event ids of each."""
    async with database.read() as session:
        interactions = InteractionRepository(session)
        events = {
            user_id: [each.event_id for each in await interactions.page(user_id, after=None, limit=9)]
            for user_id in USERS
        }
        return await UserRepository(session).states([*USERS, "none"]), events


async def test_worker_deletes_interactions_after_the_retention_and_gives_new_revisions(
    stored: Database, settings: Settings
) -> None:
    before, _ = await state_of(stored)

    await JobRunner(settings.model_copy(update={"interaction_retention_days": 9}), stored).tidy()

    after, events = await state_of(stored)
    assert events == {"u0": ["new"], "u1": [], "u2": [], "u3": [], "u4": []}
    assert {user_id for user_id in after if after[user_id].revision != before[user_id].revision} == set(USERS)


async def test_worker_without_a_retention_deletes_nothing(stored: Database, settings: Settings) -> None:
    before = await state_of(stored)

    await JobRunner(settings, stored).tidy()

    assert await state_of(stored) == before
