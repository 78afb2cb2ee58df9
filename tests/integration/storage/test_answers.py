from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.storage.answers import AnswerRecord, AnswerRepository
from app.storage.database import Database
from app.storage.users import UserRepository
from models.elicitation.question import QuestionKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CRIME = AnswerRecord(QuestionKind.ATTRIBUTE, field="genre", value="crime", rating=4.0, answered_at=NOON)
GROUP = AnswerRecord(QuestionKind.GROUP, ("i1", "i2", "i3"), rating=4.5, answered_at=NOON)
PAIR = AnswerRecord(QuestionKind.PAIR, ("i1", "i2"), preferred="i1", answered_at=NOON)


@pytest.fixture
async def answered(database: Database) -> Database:
    """A user who has answered a question of each kind at noon, and one who has answered none."""
    async with database.write() as session:
        await UserRepository(session).save({"ada": {}, "bob": {}})
        await AnswerRepository(session).save([("ada", CRIME), ("ada", GROUP), ("ada", PAIR)])
    return database


async def answers_of(database: Database, user_id: str) -> dict[QuestionKind, AnswerRecord]:
    async with database.read() as session:
        answers = (await AnswerRepository(session).of_users([user_id])).get(user_id, ())
    assert len({answer.kind for answer in answers}) == len(answers)
    return {answer.kind: answer for answer in answers}


async def test_answers_of_users_are_as_they_were_saved(answered: Database) -> None:
    assert await answers_of(answered, "ada") == {answer.kind: answer for answer in (CRIME, GROUP, PAIR)}
    assert await answers_of(answered, "bob") == {}


@pytest.mark.parametrize(("hours", "expected"), [(-1, 4.0), (0, None), (1, None)])
async def test_save_of_two_answers_keeps_the_later_one(answered: Database, hours: int, expected: float | None) -> None:
    async with answered.write() as session:
        again = replace(CRIME, rating=None, answered_at=NOON + timedelta(hours=hours))
        await AnswerRepository(session).save([("ada", again)])

    assert (await answers_of(answered, "ada"))[QuestionKind.ATTRIBUTE].rating == expected


async def test_save_of_an_answer_about_the_same_items_in_another_order_replaces_the_first(answered: Database) -> None:
    async with answered.write() as session:
        await AnswerRepository(session).save(
            [
                ("ada", AnswerRecord(QuestionKind.PAIR, ("i2", "i1"), preferred="i2")),
                ("ada", AnswerRecord(QuestionKind.GROUP, ("i3", "i1", "i2"), rating=1.0)),
            ]
        )

    answers = await answers_of(answered, "ada")
    assert (answers[QuestionKind.PAIR].preferred, answers[QuestionKind.GROUP].rating) == ("i2", 1.0)


async def test_save_of_an_answer_without_a_time_or_from_the_future_stores_the_present_time(answered: Database) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with answered.write() as session:
        await AnswerRepository(session).save(
            [("ada", replace(CRIME, answered_at=None)), ("ada", replace(GROUP, answered_at=tomorrow))]
        )

    answers = await answers_of(answered, "ada")
    for kind in (QuestionKind.ATTRIBUTE, QuestionKind.GROUP):
        moment = answers[kind].answered_at
        assert moment is not None
        assert NOON < moment <= datetime.now(UTC)


async def test_question_ids_of_different_questions_differ() -> None:
    questions = [
        CRIME,
        GROUP,
        PAIR,
        replace(CRIME, field="theme"),
        replace(CRIME, value="war"),
        replace(GROUP, item_ids=("i1", "i2")),
    ]

    assert len({question.question_id for question in questions}) == len(questions)


async def test_page_lists_answers_by_question_id_and_delete_deletes_one(answered: Database) -> None:
    async with answered.write() as session:
        answers = AnswerRepository(session)
        first = await answers.page("ada", after=None, limit=2)
        second = await answers.page("ada", after=first[-1].question_id, limit=2)
        assert await answers.delete("ada", PAIR.question_id)
        assert not await answers.delete("ada", PAIR.question_id)
        assert not await answers.delete("bob", CRIME.question_id)

    assert [*first, *second] == sorted([CRIME, GROUP, PAIR], key=lambda answer: answer.question_id)
    assert set(await answers_of(answered, "ada")) == {QuestionKind.ATTRIBUTE, QuestionKind.GROUP}


async def test_delete_of_a_user_deletes_answers(answered: Database) -> None:
    async with answered.write() as session:
        assert await UserRepository(session).delete("ada")

    assert await answers_of(answered, "ada") == {}
