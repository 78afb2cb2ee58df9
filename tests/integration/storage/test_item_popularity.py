from datetime import UTC, datetime, timedelta

import pytest

from app.services.item_popularity import PopularityCounter
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.items import ItemRecord, ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository

TRAINED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def trained(database: Database) -> Database:
    """Three items, and an active model."""
    async with database.write() as session:
        await ItemRepository(session).save_differing([ItemRecord(f"i{item}", None, {}) for item in range(3)])
        await ModelVersionRepository(session).register(version_id="m", path="", manifest={}, created_at=TRAINED)
        await CurrentVersionsRepository(session).activate("m")
    return database


async def rate(database: Database, user_id: str, item_id: str, days: int = 1, value: float = 4) -> None:
    async with database.write() as session:
        await UserRepository(session).save({user_id: None})
        rating = RatingRecord(item_id, value, TRAINED + timedelta(days=days))
        await RatingRepository(session).save([(user_id, rating)])


async def counts(database: Database, version: int = 0) -> dict[str, int]:
    async with database.read() as session:
        changed = await ItemPopularityRepository(session).changed_since("m", version)
    return {item_id: ratings.rating_count for item_id, ratings in changed.items()}


async def current(database: Database) -> int:
    async with database.read() as session:
        return (await CurrentVersionsRepository(session).current()).popularity


async def test_count_counts_ratings_since_training(trained: Database) -> None:
    for user_id, item_id, days in [("ada", "i1", 1), ("bob", "i1", 2), ("ada", "i2", 1), ("bob", "i0", -1)]:
        await rate(trained, user_id, item_id, days)

    await PopularityCounter(trained).count()

    assert await counts(trained) == {"i1": 2, "i2": 1}


async def test_count_after_a_changed_rating_updates_the_mean(trained: Database) -> None:
    popularity = PopularityCounter(trained)
    await rate(trained, "ada", "i1", value=5)
    await rate(trained, "bob", "i1", value=2)
    await popularity.count()
    await rate(trained, "bob", "i1", days=2, value=4)
    await popularity.count()

    async with trained.read() as session:
        assert await ItemPopularityRepository(session).changed_since("m", 0) == {"i1": ItemRatings(2, 4.5, 1)}


async def test_count_finds_the_ratings_of_all_items_after_the_first_one(trained: Database) -> None:
    for user_id, item_id, days in [("ada", "i0", 1), ("bob", "i0", 3), ("ada", "i1", 2), ("bob", "i2", 3)]:
        await rate(trained, user_id, item_id, days)

    await PopularityCounter(trained).count()

    async with trained.read() as session:
        counted = await ItemPopularityRepository(session).changed_since("m", 0)
    # Two ratings are of day 3, and each counts for the item of the other.
    assert {item_id: own.meanwhile_count for item_id, own in counted.items()} == {"i0": 3, "i1": 2, "i2": 1}


async def test_count_stores_an_item_again_after_more_than_twice_as_many_ratings_meanwhile(trained: Database) -> None:
    popularity = PopularityCounter(trained)
    await rate(trained, "ada", "i1", days=1)
    await rate(trained, "ada", "i2", days=2)
    await popularity.count()
    stored = []
    for days, user_id in enumerate(["bob", "eve", "joe"], start=3):
        first = await current(trained)
        await rate(trained, user_id, "i2", days)
        await popularity.count()
        stored.append(sorted(await counts(trained, first)))

    assert stored == [["i2"], ["i2"], ["i1", "i2"]]


async def test_count_gives_only_changed_items_a_new_version(trained: Database) -> None:
    popularity = PopularityCounter(trained)
    await rate(trained, "ada", "i1")
    await rate(trained, "ada", "i2")
    await popularity.count()
    first = await current(trained)

    await popularity.count()
    assert await current(trained) == first
    await rate(trained, "bob", "i2")
    await popularity.count()

    assert await counts(trained, first) == {"i2": 2}


async def test_count_after_deleting_ratings_excludes_them(trained: Database) -> None:
    popularity = PopularityCounter(trained)
    await rate(trained, "ada", "i1")
    await popularity.count()
    async with trained.write() as session:
        await UserRepository(session).delete("ada")

    await popularity.count()
    assert await counts(trained) == {"i1": 0}
    last = await current(trained)
    await popularity.count()
    assert await current(trained) == last


async def test_count_by_two_replicas_misses_no_rating(trained: Database) -> None:
    one, other = PopularityCounter(trained), PopularityCounter(trained)
    await one.count()
    await other.count()
    await rate(trained, "ada", "i1")
    await one.count()
    await rate(trained, "bob", "i1")

    await other.count()
    assert await counts(trained) == {"i1": 1}
    await other.count()
    assert await counts(trained) == {"i1": 2}


async def test_count_without_a_model_does_nothing(database: Database) -> None:
    await PopularityCounter(database).count()

    assert await current(database) == 0
