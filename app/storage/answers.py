"""Answers in the database: what users answered to questions about groups of items, attributes and pairs."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Insert, Row, bindparam, case, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage import clock
from app.storage.tables import Answer, Base
from app.storage.upsert import dialect_of, insert
from models.elicitation.question import QuestionKind, Topic


@dataclass(frozen=True)
class AnswerRecord:
    """A user's answer to a question. A rating and a preferred item of None say that the user cannot answer it.

    Attributes:
        kind: What the question is about; never one item, which is rated or skipped.
        item_ids: The items of the group or of the pair; none of an attribute.
        field: The attribute; None for other kinds.
        value: The value of the attribute; None for other kinds.
        rating: How much the user likes the group or the value, on the rating scale.
        preferred: The item of the pair that the user prefers.
        answered_at: When. None is allowed only before the answer is stored: it was given when it arrived.
    """

    kind: QuestionKind
    item_ids: tuple[str, ...] = ()
    field: str | None = None
    value: str | None = None
    rating: float | None = None
    preferred: str | None = None
    answered_at: datetime | None = None

    @property
    def topic(self) -> Topic:
        """What the question is about."""
        return Topic(self.kind, frozenset(self.item_ids), self.field, self.value)

    @property
    def is_unknown(self) -> bool:
        """Whether the user cannot answer the question."""
        return self.rating is None and self.preferred is None

    @property
    def question_id(self) -> str:
        """The id of the question, the same for all users. The order of the items does not matter."""
        question = [self.kind, sorted(self.item_ids), self.field, self.value]
        return f"{self.kind}-{hashlib.blake2b(json.dumps(question).encode(), digest_size=16).hexdigest()}"


class AnswerRepository:
    """Reads and writes answers. Writers lock the user's row first (see `UserRepository`)."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, answers: Iterable[tuple[str, AnswerRecord]]) -> None:
        """Store answers of known users, by user id.

        Of two answers to a question the later is kept, by the rules of `RatingRepository.save`.
        """
        answers = list(answers)
        if not answers:
            return
        now = await clock.now(self._session)
        rows = [
            {
                "user_id": user_id,
                "question_id": answer.question_id,
                "kind": answer.kind,
                "item_ids": list(answer.item_ids),
                "field": answer.field,
                "value": answer.value,
                "rating": answer.rating,
                "preferred": answer.preferred,
                "answered_at": now if answer.answered_at is None else min(answer.answered_at, now),
                "made_on_arrival": answer.answered_at is None,
            }
            for user_id, answer in answers
        ]
        await self._session.execute(_saving(dialect_of(self._session)), rows)

    async def of_users(self, user_ids: Collection[str]) -> Mapping[str, Sequence[AnswerRecord]]:
        """All answers of each user, oldest first. Users without any are left out."""
        answers: dict[str, list[AnswerRecord]] = defaultdict(list)
        for row in await self._session.execute(_OF_USERS, {"user_ids": list(user_ids)}):
            answers[row.user_id].append(_record(row))
        return answers

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[AnswerRecord]:
        """A user's answers, ordered by question id, after the question id `after`."""
        statement = select(_answers).where(_answers.c.user_id == user_id)
        if after is not None:
            statement = statement.where(_answers.c.question_id > after)
        rows = await self._session.execute(statement.order_by(_answers.c.question_id).limit(limit))
        return [_record(row) for row in rows]

    async def delete(self, user_id: str, question_id: str) -> bool:
        """Delete one answer; False if there is none."""
        statement = delete(Answer).where(Answer.user_id == user_id, Answer.question_id == question_id)
        return (await self._session.execute(statement.returning(Answer.question_id))).first() is not None


# On the table instead of the ORM class, because every list of a user reads it.
_answers = Base.metadata.tables["answers"]
_OF_USERS = (
    select(_answers)
    .where(_answers.c.user_id.in_(bindparam("user_ids", expanding=True)))
    .order_by(_answers.c.user_id, _answers.c.answered_at, _answers.c.question_id)
)


def _record(row: Row[Any]) -> AnswerRecord:
    return AnswerRecord(
        QuestionKind(row.kind), tuple(row.item_ids), row.field, row.value, row.rating, row.preferred, row.answered_at
    )


@cache
def _saving(dialect: str) -> Insert:
    statement = insert(dialect, _answers)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_answers.c.user_id, _answers.c.question_id],
        set_={
            "item_ids": new.item_ids,
            "rating": new.rating,
            "preferred": new.preferred,
            "answered_at": case(
                (new.answered_at > _answers.c.answered_at, new.answered_at), else_=_answers.c.answered_at
            ),
        },
        where=or_(bindparam("made_on_arrival", type_=Boolean), new.answered_at >= _answers.c.answered_at),
    )
