"""What users did with items besides rating them. Every list of a user reads it, so it takes one statement."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    DateTime,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.interactions import InteractionRecord
from app.storage.tables import Base, EventType


@dataclass(frozen=True)
class SeenItem:
    """An item that a user was shown or opened, and when."""

    item_id: str
    seen_at: datetime


@dataclass(frozen=True)
class StoredFeedback:
    """What a user did.

    Attributes:
        interactions: The latest interaction of each kind with each item.
        skipped: Ids of skipped items.
        seen: The items that the user was shown or opened, as often as that happened.
        dismissed: Ids of dismissed items.
        question_ids: Ids of the questions that the user has answered. Few users have any, and `AnswerRepository` reads
            their answers.
    """

    interactions: list[InteractionRecord] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    seen: list[SeenItem] = field(default_factory=list)
    dismissed: list[str] = field(default_factory=list)
    question_ids: list[str] = field(default_factory=list)


class FeedbackRepository:
    """Reads interactions, skips, events and who answered questions. Their own repositories write them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_users(self, user_ids: Collection[str], *, seen_since: datetime) -> dict[str, StoredFeedback]:
        """What these users did. Users who did nothing are left out.

        Args:
            user_ids: The users, who need not be stored.
            seen_since: What was shown or opened until then is left out.
        """
        found: dict[str, StoredFeedback] = defaultdict(StoredFeedback)
        parameters = {"user_ids": list(user_ids), "seen_since": seen_since}
        for source, user_id, item_id, kind, moment in await self._session.execute(_OF_USERS, parameters):
            of_user = found[user_id]
            if source == _INTERACTION:
                of_user.interactions.append(InteractionRecord(item_id, kind, moment))
            elif source == _SKIP:
                of_user.skipped.append(item_id)
            elif source == _ANSWER:
                of_user.question_ids.append(item_id)
            elif kind == EventType.DISMISSED:
                of_user.dismissed.append(item_id)
            else:
                of_user.seen.append(SeenItem(item_id, moment))
        return found


_INTERACTION, _SKIP, _ANSWER, _EVENT = "interaction", "skip", "answer", "event"

# On the tables instead of the ORM classes, because that is faster.
_interactions, _skips, _answers, _events = (
    Base.metadata.tables[name] for name in ("interactions", "skips", "answers", "events")
)
_users: BindParameter[list[str]] = bindparam("user_ids", expanding=True)

_OF_USERS = union_all(
    select(
        literal_column(f"'{_INTERACTION}'"),
        _interactions.c.user_id,
        _interactions.c.item_id,
        _interactions.c.kind,
        func.max(_interactions.c.occurred_at),
    )
    .where(_interactions.c.user_id.in_(_users))
    .group_by(_interactions.c.user_id, _interactions.c.item_id, _interactions.c.kind),
    select(
        literal_column(f"'{_SKIP}'"),
        _skips.c.user_id,
        _skips.c.item_id,
        cast(null(), String),
        cast(null(), DateTime(timezone=True)),
    ).where(_skips.c.user_id.in_(_users)),
    select(
        literal_column(f"'{_ANSWER}'"),
        _answers.c.user_id,
        _answers.c.question_id,
        cast(null(), String),
        cast(null(), DateTime(timezone=True)),
    ).where(_answers.c.user_id.in_(_users)),
    select(
        literal_column(f"'{_EVENT}'"),
        _events.c.user_id,
        _events.c.item_id,
        _events.c.type,
        _events.c.occurred_at,
    ).where(
        _events.c.user_id.in_(_users),
        or_(
            _events.c.type == EventType.DISMISSED,
            _events.c.type.in_([EventType.SHOWN, EventType.CLICKED])
            & (_events.c.occurred_at > bindparam("seen_since")),
        ),
    ),
)
