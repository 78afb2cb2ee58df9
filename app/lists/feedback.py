"""What is known of a user when a list is made: ratings, interactions, skips and answers, stored or from a request."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.lists.former_items import FormerItems
from app.storage.answers import AnswerRecord, AnswerRepository
from app.storage.feedback import FeedbackRepository, SeenItem
from app.storage.interactions import InteractionRecord
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserState
from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.data.attribute_values import known_attributes
from models.data.schema import DatasetSchema
from models.ranking import ItemRating, RankingQuery
from models.ranking.filters import Filter
from models.ranking.query import Boost, ItemInteraction, RankBy

_REMEMBERED = 6
"""The half-lives after which an item that was shown no longer counts. Its weight is less than 1/64 then."""

_MOST_SEEN = 1_000
"""Numerical tolerance: it keeps the factor of an item that was seen very often above 0."""


@dataclass(frozen=True)
class Feedback:
    """What a user did.

    Attributes:
        ratings: At most one for each item.
        interactions: Any number for each item.
        skipped: Ids of skipped items.
        seen: Item id → how often the user was shown the item or opened it, where each time counts half after every
            half-life.
        dismissed: Ids of items in which the user is not interested.
        answers: At most one to each question; those that the user cannot answer are among them.
    """

    ratings: Sequence[RatingRecord] = ()
    interactions: Sequence[InteractionRecord] = ()
    skipped: Sequence[str] = ()
    seen: Mapping[str, float] = field(default_factory=dict)
    dismissed: Sequence[str] = ()
    answers: Sequence[AnswerRecord] = ()


KnownUser = tuple[UserState, Feedback]
"""A stored user, and all that the user did."""


@dataclass(frozen=True)
class ListOptions:
    """The options of a request for recommendations.

    Attributes:
        n: The most items.
        exclude: Items to leave out.
        filters: Conditions on the items.
        include_rated: Whether items that the user has rated or interacted with may be in it.
        explain: Whether to name what the user did that moved each item up.
        rank_by: What orders the list of a known user.
        diversity: How different the items of the list are to be, from 0 to 1; None for the default.
        boosts: Rules that raise or lower items.
        pinned: Items that come first.
        only: The only items that may be in the list, known to the user or not; None for the whole catalogue.
        shown: Items that the user has just been shown.
        former: What `app.lists.former_items` made of the items of former pages.
        scenario: The name of the scenario that the request names; None without one.
        variant: Whether the settings of the scenario apply (`app.services.scenarios`).
        given: The options that the request has itself. A scenario does not change them.
        explore: How much the list explores what is not known well, from 0 to 1.
        seed: Seed of the exploration; None for another draw in every list.
        fields: The attributes of the items that the answer shows.
        strangers: Which list a stranger gets (`app.strangers_list`); None for the default.
    """

    n: int
    exclude: Sequence[str] = ()
    filters: Filter = field(default_factory=dict)
    include_rated: bool = False
    explain: bool = False
    rank_by: RankBy = RankBy.CHOICE
    diversity: float | None = None
    boosts: Sequence[Boost] = ()
    pinned: Sequence[str] = ()
    only: Sequence[str] | None = None
    shown: Sequence[str] = ()
    former: FormerItems = field(default_factory=FormerItems)
    scenario: str | None = None
    variant: str | None = None
    given: Collection[str] = ()
    explore: float = 0.0
    seed: int | None = None
    fields: Sequence[str] = ()
    strangers: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether the same request gets the same list, as long as nothing changes."""
        return not self.explore or self.seed is not None


async def read_users(session: AsyncSession, user_ids: Collection[str], *, half_life: timedelta) -> dict[str, KnownUser]:
    """The known users among these, with all that they did.

    Args:
        session: A session of the database.
        user_ids: The users.
        half_life: After this time, an item that was shown counts half (`Feedback.seen`).
    """
    users = await RatingRepository(session).with_users(user_ids)
    feedback = await read_feedback(session, users, half_life=half_life)
    nothing = Feedback()
    return {
        user_id: (state, replace(feedback.get(user_id, nothing), ratings=ratings))
        for user_id, (state, ratings) in users.items()
    }


async def read_feedback(
    session: AsyncSession, user_ids: Collection[str], *, half_life: timedelta
) -> dict[str, Feedback]:
    """What users, who need not be known, did besides rating. Users who did nothing are left out."""
    now = datetime.now(UTC)
    stored = await FeedbackRepository(session).of_users(user_ids, seen_since=now - _REMEMBERED * half_life)
    answering = [user_id for user_id, own in stored.items() if own.question_ids]
    answers = await AnswerRepository(session).of_users(answering) if answering else {}
    return {
        user_id: Feedback(
            interactions=own.interactions,
            skipped=own.skipped,
            seen=_weights(own.seen, now, half_life) if half_life else {},
            dismissed=own.dismissed,
            answers=answers.get(user_id, ()),
        )
        for user_id, own in stored.items()
    }


def _weights(seen: Iterable[SeenItem], now: datetime, half_life: timedelta) -> Mapping[str, float]:
    """How often items were seen, as in `Feedback.seen`."""
    weights: dict[str, float] = defaultdict(float)
    for each in seen:
        weights[each.item_id] += 2.0 ** -(max(now - each.seen_at, timedelta()) / half_life)
    return weights


def ranking_query(
    schema: DatasetSchema, attributes: Mapping[str, object], feedback: Feedback, options: ListOptions
) -> RankingQuery:
    """The query for the list of a user. What the user has seen or dismissed does not count among given items."""
    seen, dismissed = (feedback.seen, feedback.dismissed) if options.only is None else ({}, ())
    return RankingQuery(
        attributes=known_attributes(attributes, schema.users),
        ratings=item_ratings(feedback.ratings),
        n=options.n + len(options.former),
        exclude=[*options.exclude, *dismissed],
        include_rated=options.include_rated,
        where=options.filters,
        rank_by=options.rank_by,
        interactions=item_interactions(feedback.interactions, schema.kinds),
        skipped=feedback.skipped,
        only=options.only,
        diversity=options.diversity,
        boosts=[*options.boosts, *lowered_by_seeing(seen, options.shown)],
        pinned=options.pinned,
        explore=options.explore,
        seed=options.seed,
        answers=given_answers(feedback.answers),
    )


def lowered_by_seeing(seen: Mapping[str, float], shown: Sequence[str]) -> list[Boost]:
    """Rules that halve the score of an item for every time that it was seen, as far as these still count."""
    times = Counter(dict(seen))
    times.update(shown)
    return [Boost(0.5 ** min(count, _MOST_SEEN), [item_id]) for item_id, count in times.items()]


def item_ratings(ratings: Iterable[RatingRecord]) -> list[ItemRating]:
    """A user's ratings as a learner takes them; one without a time, or made in the future, counts as made now."""
    now = datetime.now(UTC)
    seconds_now = math.floor(now.timestamp())
    return [
        ItemRating(each.item_id, each.rating, seconds_now if each.rated_at is None else _seconds(each.rated_at, now))
        for each in ratings
    ]


def item_interactions(interactions: Iterable[InteractionRecord], kinds: Mapping[str, float]) -> list[ItemInteraction]:
    """Of a user's interactions with each item, the one that counts, as in training (`without_repetitions`).

    It is that of the strongest kind, whose weight is furthest from 0, and of equally strong ones the latest. Kinds that
    the model does not know do not count. Times are as in `item_ratings`. They are in the order of their times.

    Args:
        interactions: The interactions.
        kinds: The kinds and their weights (`DatasetSchema.kinds`).
    """
    now = datetime.now(UTC)
    known = [each for each in interactions if each.kind in kinds]
    # The kind's name is last, so that the result does not depend on the order in which a database returns rows.
    known.sort(key=lambda each: (abs(kinds[each.kind]), min(each.occurred_at or now, now), each.kind))
    counted = {each.item_id: each for each in known}
    found = [ItemInteraction(each.item_id, each.kind, _seconds(each.occurred_at, now)) for each in counted.values()]
    return sorted(found, key=lambda each: (each.time, each.item_id))


def given_answers(answers: Iterable[AnswerRecord]) -> list[Answer]:
    """A user's answers as a ranking takes them, without those of questions that the user cannot answer."""
    return [given for each in answers if (given := _given_answer(each)) is not None]


def _given_answer(answer: AnswerRecord) -> Answer | None:
    if answer.preferred is not None:
        (other,) = set(answer.item_ids) - {answer.preferred}
        return PairAnswer(answer.preferred, other)
    if answer.rating is None:
        return None
    if answer.field is not None and answer.value is not None:
        return AttributeAnswer(answer.field, answer.value, answer.rating)
    return GroupAnswer(answer.item_ids, answer.rating)


def _seconds(moment: datetime | None, now: datetime) -> int:
    return math.floor(min(moment or now, now).timestamp())
