from datetime import UTC, datetime, timedelta

import pytest

from app.storage.answers import AnswerRecord, AnswerRepository
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.events import EventRecord, EventRepository
from app.storage.feedback import FeedbackRepository, SeenItem, StoredFeedback
from app.storage.interactions import InteractionEvent, InteractionRecord, InteractionRepository
from app.storage.items import ItemRecord, ItemRepository
from app.storage.skips import SkipRepository
from app.storage.tables import EventType, ModelVersion
from app.storage.users import UserRepository
from models.elicitation.question import QuestionKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HORROR = AnswerRecord(QuestionKind.ATTRIBUTE, field="genre", value="horror", rating=5.0)


def event(event_id: str, user_id: str, item_id: str, kind: EventType, moment: datetime) -> EventRecord:
    return EventRecord(event_id, kind, "model", user_id, item_id, None, moment)


@pytest.fixture
async def stored(database: Database) -> Database:
    """What ada, who is stored, and a guest, who is not, did."""
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save([ItemRecord(f"i{item}", None, {}) for item in range(6)], version=version)
        await UserRepository(session).save({"ada": {}, "bob": {}})
        session.add(ModelVersion(id="model", path="model", manifest={}, created_at=NOON, registered_at=NOON))
        await session.flush()
        await InteractionRepository(session).save([("ada", InteractionEvent("i0", "view", NOON, "1"))])
        await SkipRepository(session).save("ada", ["i1"], skipped_at=NOON)
        await AnswerRepository(session).save([("ada", HORROR)])
        await EventRepository(session).save(
            [
                event("1", "ada", "i2", EventType.SHOWN, NOON),
                event("2", "ada", "i2", EventType.SHOWN, NOON + HOUR),
                event("3", "ada", "i3", EventType.CLICKED, NOON + HOUR),
                event("4", "ada", "i4", EventType.DISMISSED, NOON - HOUR),
                event("5", "ada", "i5", EventType.RATED, NOON + HOUR),
                event("6", "guest", "i2", EventType.SHOWN, NOON + HOUR),
            ]
        )
    return database


async def test_feedback_is_that_of_each_user_who_did_something(stored: Database) -> None:
    async with stored.read() as session:
        feedback = await FeedbackRepository(session).of_users(["ada", "bob", "guest"], seen_since=NOON - HOUR)

    of_ada = feedback.pop("ada")
    assert of_ada.interactions == [InteractionRecord("i0", "view", NOON)]
    assert of_ada.skipped == ["i1"]
    assert sorted(of_ada.seen, key=lambda each: (each.item_id, each.seen_at)) == [
        SeenItem("i2", NOON),
        SeenItem("i2", NOON + HOUR),
        SeenItem("i3", NOON + HOUR),
    ]
    assert of_ada.dismissed == ["i4"]
    assert of_ada.question_ids == [HORROR.question_id]
    assert feedback == {"guest": StoredFeedback(seen=[SeenItem("i2", NOON + HOUR)])}


async def test_only_what_was_seen_after_a_moment_counts_and_what_was_dismissed_before_it(stored: Database) -> None:
    async with stored.read() as session:
        of_ada = (await FeedbackRepository(session).of_users(["ada"], seen_since=NOON))["ada"]

    assert {each.seen_at for each in of_ada.seen} == {NOON + HOUR}
    assert of_ada.dismissed == ["i4"]
