from datetime import UTC, datetime, timedelta

import pytest

from app.services.item_popularity import PopularityCounter
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.items import ItemRecord, ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository

TRAINED = datetime(2026, 1, 1, tzinfo=UTC)
WITHOUT_RATINGS = {
    "preset": {"learner": None},
    "data_schema": {
        "name": "shop",
        "interactions": {
            "files": [{"path": "x.csv"}],
            "user": "user",
            "item": "item",
            "kind": "kind",
            "kinds": {"view": 0.2, "purchase": 1.0},
        },
    },
}


@pytest.fixture
async def trained(database: Database) -> Database:
    """Three items, and an active model."""
    async with database.write() as session:
        await ItemRepository(session).save_differing([ItemRecord(f"i{item}", None, {}) for item in range(3)])
        await ModelVersionRepository(session).register(
            version_id="m", path="", manifest={"preset": {"learner": {}}}, created_at=TRAINED
        )
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


async def interact(database: Database, user_id: str, item_id: str, kind: str, days: int) -> None:
    async with database.write() as session:
        await UserRepository(session).save({user_id: None})
        moment = TRAINED + timedelta(days=days)
        event = InteractionEvent(item_id, kind, moment, f"{item_id}-{kind}-{days}")
        await InteractionRepository(session).save([(user_id, event)])


@pytest.fixture
async def without_ratings(trained: Database) -> Database:
    """The same with an active model that predicts no ratings."""
    async with trained.write() as session:
        versions = ModelVersionRepository(session)
        await versions.register(version_id="clicks", path="", manifest=WITHOUT_RATINGS, created_at=TRAINED)
        await CurrentVersionsRepository(session).activate("clicks")
    return trained


async def test_count_of_a_model_without_ratings_counts_each_user_who_wanted_the_item(without_ratings: Database) -> None:
    for user_id, item_id, kind, days in [
        ("ada", "i1", "view", 1),
        ("ada", "i1", "purchase", 2),
        ("bob", "i1", "view", 3),
        ("bob", "i2", "dislike", 3),
        ("bob", "i0", "view", -1),
    ]:
        await interact(without_ratings, user_id, item_id, kind, days)
    await rate(without_ratings, "bob", "i1")
    await rate(without_ratings, "cem", "i1")

    await PopularityCounter(without_ratings).count()

    async with without_ratings.read() as session:
        changed = await ItemPopularityRepository(session).changed_since("clicks", 0)
    assert changed == {"i1": ItemRatings(3, 1.0, 2)}


async def test_interactions_do_not_count_for_a_model_with_ratings(trained: Database) -> None:
    await interact(trained, "ada", "i1", "purchase", 1)

    await PopularityCounter(trained).count()

    assert await counts(trained) == {}
