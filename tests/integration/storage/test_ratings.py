from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.skips import SkipRepository
from app.storage.tables import Rating
from app.storage.users import UserRepository

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def rated(database: Database) -> Database:
    """A catalogue of five items, and a user who has rated i1 and i2 at noon."""
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        items = [ItemRecord(f"i{item}", None, {}) for item in range(5)]
        await ItemRepository(session).save(items, version=version)
        await UserRepository(session).save({"ada": {"country": "fr"}})
        await RatingRepository(session).save(
            [("ada", RatingRecord("i1", 4, NOON)), ("ada", RatingRecord("i2", 2, NOON))]
        )
    return database


async def ratings_of(database: Database, user_id: str) -> dict[str, float]:
    async with database.read() as session:
        ratings = await RatingRepository(session).of_users([user_id])
    return {rating.item_id: rating.rating for rating in ratings[user_id]}


@pytest.mark.parametrize(("hours", "expected"), [(-1, 4.0), (0, 5.0), (1, 5.0)])
async def test_save_of_two_ratings_keeps_the_later_one(rated: Database, hours: int, expected: float) -> None:
    async with rated.write() as session:
        again = RatingRecord("i1", 5, NOON + timedelta(hours=hours))
        await RatingRepository(session).save([("ada", again)])

    assert await ratings_of(rated, "ada") == {"i1": expected, "i2": 2.0}


async def test_save_of_two_ratings_with_the_same_time_keeps_the_later_arrival(rated: Database) -> None:
    async with rated.write() as session:
        both = [("ada", RatingRecord("i3", value, NOON)) for value in (5, 4)]
        await RatingRepository(session).save(both)

    assert (await ratings_of(rated, "ada"))["i3"] == 4.0


async def test_save_of_a_rating_without_a_time_replaces_one_from_a_fast_clock(rated: Database) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    async with rated.write() as session:
        await session.execute(update(Rating).where(Rating.item_id == "i1").values(rated_at=ahead))
        await RatingRepository(session).save([("ada", RatingRecord("i1", 5))])

    async with rated.read() as session:
        ratings = (await RatingRepository(session).of_users(["ada"]))["ada"]
    assert RatingRecord("i1", 5.0, ahead) in ratings


async def test_save_of_a_rating_from_the_future_stores_the_present_time(rated: Database) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with rated.write() as session:
        await RatingRepository(session).save([("ada", RatingRecord("i1", 5, tomorrow))])

    async with rated.read() as session:
        latest = (await RatingRepository(session).of_users(["ada"]))["ada"][-1]
    assert (latest.item_id, latest.rating) == ("i1", 5.0)
    assert latest.rated_at <= datetime.now(UTC)


async def test_with_users_of_unknown_users_reads_only_known_ones(rated: Database) -> None:
    async with rated.write() as session:
        await UserRepository(session).save({"bob": {}})

    async with rated.read() as session:
        users = await RatingRepository(session).with_users(["ada", "bob", "nobody"])
        states = await UserRepository(session).states(["ada", "bob", "nobody"])

    assert {user_id: user for user_id, (user, _) in users.items()} == states
    assert {user_id: [rating.item_id for rating in ratings] for user_id, (_, ratings) in users.items()} == {
        "ada": ["i1", "i2"],
        "bob": [],
    }


async def test_user_revision_after_every_write_is_new(rated: Database) -> None:
    revisions = set()
    async with rated.write() as session:
        users = UserRepository(session)
        for change in (lambda: users.save({"ada": None}), lambda: users.save({"ada": {}}), lambda: users.touch("ada")):
            await change()
            session.expire_all()
            user = await users.get("ada")
            assert user is not None
            revisions.add(user.revision)

    assert len(revisions) == 3


async def test_save_of_a_user_without_attributes_keeps_them(rated: Database) -> None:
    async with rated.write() as session:
        await UserRepository(session).save({"ada": None})

    async with rated.read() as session:
        user = await UserRepository(session).get("ada")
        assert user is not None
        assert user.attributes == {"country": "fr"}


async def skips_of(database: Database, user_id: str) -> dict[str, datetime]:
    async with database.read() as session:
        return {
            skip.item_id: skip.skipped_at for skip in await SkipRepository(session).page(user_id, after=None, limit=9)
        }


async def test_save_of_a_rating_deletes_the_skip_and_a_skip_keeps_its_time(rated: Database) -> None:
    async with rated.write() as session:
        skips = SkipRepository(session)
        await skips.save("ada", ["i1", "i3", "i4"], skipped_at=NOON)
        await skips.save("ada", ["i1"], skipped_at=NOON)
        await skips.save("ada", ["i4"], skipped_at=NOON + timedelta(hours=1))
    assert await skips_of(rated, "ada") == {"i3": NOON, "i4": NOON}

    async with rated.write() as session:
        await RatingRepository(session).save([("ada", RatingRecord("i3", 4, NOON))])
    assert await skips_of(rated, "ada") == {"i4": NOON}


async def test_delete_of_a_user_deletes_ratings_and_skips(rated: Database) -> None:
    async with rated.write() as session:
        await SkipRepository(session).save("ada", ["i3"], skipped_at=NOON)
        assert await UserRepository(session).delete("ada")
        assert not await UserRepository(session).delete("ada")

    assert await ratings_of(rated, "ada") == {}
    assert await skips_of(rated, "ada") == {}


async def test_reads_and_deletes_of_an_unknown_user_find_nothing(rated: Database) -> None:
    async with rated.write() as session:
        assert not await UserRepository(session).touch("bob")
        assert not await RatingRepository(session).delete("bob", "i1")
        versions, users = await CurrentVersionsRepository(session).current_with_users(["bob"])
        assert await UserRepository(session).states(["bob"]) == {}

    assert users == {}
    assert versions.catalogue == 1
