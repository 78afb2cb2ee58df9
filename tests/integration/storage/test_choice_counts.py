from datetime import UTC, datetime, timedelta

from app.storage.choice_counts import PeriodCounts, count_choices
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRecord, ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository

WEEK = timedelta(days=7)


async def test_choices_are_counted_once_for_each_user_item_and_period(database: Database) -> None:
    now = datetime.now(UTC)
    recent, former, old = (now - timedelta(days=days) for days in (1, 8, 15))
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save([ItemRecord(name, None, {}) for name in "abcd"], version=version)
        await UserRepository(session).save({"ada": {}, "bob": {}})
        await RatingRepository(session).save(
            [
                ("ada", RatingRecord("a", 5, recent)),
                ("bob", RatingRecord("a", 1, former)),
                ("bob", RatingRecord("b", 5, old)),
            ]
        )
        interactions = [
            ("ada", "a", "view", recent),  # rated, too
            ("ada", "a", "buy", former),
            ("bob", "a", "view", recent),
            ("bob", "a", "view", recent),
            ("bob", "c", "view", former),
            ("bob", "c", "view", old),
            ("bob", "d", "dislike", recent),
        ]
        await InteractionRepository(session).save(
            (user, InteractionEvent(item, kind, moment, str(number)))
            for number, (user, item, kind, moment) in enumerate(interactions)
        )

    async with database.read() as session:
        counts = await count_choices(session, WEEK, ["view", "buy"])
        of_ratings = await count_choices(session, WEEK, [])

    assert counts == {"a": PeriodCounts(2, 2), "c": PeriodCounts(0, 1)}
    assert of_ratings == {"a": PeriodCounts(1, 1)}
