from datetime import UTC, datetime, timedelta

import pytest

from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.feedback import FeedbackRepository
from app.storage.interactions import InteractionEvent, InteractionRecord, InteractionRepository
from app.storage.items import ItemRecord, ItemRepository
from app.storage.users import UserRepository

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(event_id: str, item_id: str, kind: str = "purchase", moment: datetime | None = NOON) -> InteractionEvent:
    return InteractionEvent(item_id, kind, moment, event_id)


@pytest.fixture
async def stored(database: Database) -> Database:
    """A catalogue of three items, and two users; ada has bought i1 at noon."""
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save([ItemRecord(f"i{item}", None, {}) for item in range(3)], version=version)
        await UserRepository(session).save({"ada": {}, "bob": {}})
        await InteractionRepository(session).save([("ada", event("1", "i1"))])
    return database


async def all_of(database: Database, user_id: str) -> list[InteractionEvent]:
    async with database.read() as session:
        return list(await InteractionRepository(session).page(user_id, after=None, limit=100))


async def test_save_of_a_stored_event_id_returns_what_is_stored(stored: Database) -> None:
    again, other, new = event("1", "i1"), event("1", "i2", "view", NOON + HOUR), event("2", "i2", "view")
    for _ in range(2):
        async with stored.write() as session:
            saved = await InteractionRepository(session).save(
                [("ada", again), ("ada", other), ("ada", new), ("bob", other)]
            )
        assert saved == {("ada", "1"): again, ("ada", "2"): new, ("bob", "1"): other}

    assert await all_of(stored, "ada") == [again, new]
    assert await all_of(stored, "bob") == [other]


async def test_save_without_a_time_or_from_the_future_stores_the_present_time(stored: Database) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with stored.write() as session:
        await InteractionRepository(session).save(
            [("bob", event("1", "i1", moment=None)), ("bob", event("2", "i1", moment=tomorrow))]
        )

    moments = [each.occurred_at for each in await all_of(stored, "bob")]
    assert all(moment is not None and NOON < moment <= datetime.now(UTC) for moment in moments)


async def test_feedback_has_the_latest_of_each_kind_and_item(stored: Database) -> None:
    async with stored.write() as session:
        await InteractionRepository(session).save(
            [
                ("ada", event("2", "i1", moment=NOON + HOUR)),
                ("ada", event("3", "i1", "view", NOON - HOUR)),
                ("ada", event("4", "i2", "view")),
            ]
        )

    async with stored.read() as session:
        feedback = await FeedbackRepository(session).of_users(["ada", "bob", "nobody"], seen_since=NOON)
        items = await InteractionRepository(session).items_of("ada")

    assert list(feedback) == ["ada"]
    assert set(feedback["ada"].interactions) == {
        InteractionRecord("i1", "purchase", NOON + HOUR),
        InteractionRecord("i1", "view", NOON - HOUR),
        InteractionRecord("i2", "view", NOON),
    }
    assert len(feedback["ada"].interactions) == 3
    assert sorted(items) == ["i1", "i2"]


async def test_delete_of_an_interaction_deletes_that_of_this_user(stored: Database) -> None:
    async with stored.write() as session:
        interactions = InteractionRepository(session)
        await interactions.save([("bob", event("1", "i2"))])
        assert await interactions.delete("ada", "1")
        assert not await interactions.delete("ada", "1")

    assert await all_of(stored, "ada") == []
    assert await all_of(stored, "bob") == [event("1", "i2")]


async def test_delete_of_a_user_deletes_the_interactions(stored: Database) -> None:
    async with stored.write() as session:
        assert await UserRepository(session).delete("ada")
        await UserRepository(session).save({"ada": {}})

    assert await all_of(stored, "ada") == []


async def test_delete_before_a_moment_deletes_older_ones_of_these_users(stored: Database) -> None:
    async with stored.write() as session:
        interactions = InteractionRepository(session)
        await interactions.save([("ada", event("2", "i1", moment=NOON + HOUR)), ("bob", event("1", "i1"))])
        assert sorted(await interactions.users_before(NOON + HOUR, limit=10)) == ["ada", "bob"]
        assert len(await interactions.users_before(NOON + HOUR, limit=1)) == 1
        assert await interactions.users_before(NOON, limit=10) == []
        assert await interactions.delete_before(NOON + HOUR, ["ada"]) == 1

    assert await all_of(stored, "ada") == [event("2", "i1", moment=NOON + HOUR)]
    assert await all_of(stored, "bob") == [event("1", "i1")]


async def test_touch_all_gives_known_users_new_revisions(stored: Database) -> None:
    async with stored.write() as session:
        users = UserRepository(session)
        before = await users.states(["ada", "bob"])
        await users.touch_all(["bob", "ada", "nobody"])
        after = await users.states(["ada", "bob", "nobody"])

    assert set(after) == {"ada", "bob"}
    assert all(after[user_id].revision != before[user_id].revision for user_id in after)
