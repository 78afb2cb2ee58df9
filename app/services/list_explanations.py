"""Explanations of users' lists for operators: what a user gave, what the model concluded, and what moved each item."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.lists.feedback import Feedback, ListOptions, ranking_query, read_feedback, read_users
from app.services.list_positions import Position, factors, positions, steps
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import Ranker
from app.services.recommendations import RecommendationList, option_errors
from app.services.scenarios import ScenarioService
from app.services.strangers import StrangersLists
from app.services.validation import raise_if_invalid
from app.storage.database import Database
from app.storage.events import EventRepository
from app.storage.tables import EventType
from models.elicitation.question import Topic
from models.ranking import RankedItem, RankingQuery
from models.ranking.tastes import Tastes

EventCounts = Mapping[tuple[EventType, str], int]
"""By type and item, how many events a user has."""

_TASTES = 6
"""The most likes, and the most dislikes, that are named."""


@dataclass(frozen=True)
class ListExplanation:
    """A list and what it comes from.

    Attributes:
        user_id: The user.
        query: What the model knows of the user.
        titles: The titles of the items in `query`; None for items without one, and for deleted ones.
        events: How many events of each type and item the user has.
        tastes: What the model concluded about the user.
        made: The list, with its reasons.
        left_out: Items that would be in the list without rules, best first.
        positions: By item of both, why it is where it is.
    """

    user_id: str
    query: RankingQuery
    titles: Mapping[str, str | None]
    events: EventCounts
    tastes: Tastes
    made: RecommendationList
    left_out: Sequence[RankedItem]
    positions: Mapping[str, Position]

    def count(self, type_: EventType) -> int:
        """How many events of a type the user has."""
        return sum(count for (each, _), count in self.events.items() if each is type_)

    def times_seen(self, item_id: str) -> int:
        """How often the user was shown or opened an item."""
        return sum(self.events.get((type_, item_id), 0) for type_ in (EventType.SHOWN, EventType.CLICKED))


class ListExplanationService:
    """Explains lists. Nothing is cached: an explanation is computed from what the list is computed from."""

    def __init__(
        self,
        database: Database,
        host: ModelHost,
        ranker: Ranker,
        scenarios: ScenarioService,
        strangers: StrangersLists,
        *,
        half_life: timedelta,
    ) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._scenarios = scenarios
        self._strangers = strangers
        self._half_life = half_life

    async def of_user(self, user_id: str, options: ListOptions) -> ListExplanation:
        """Explain the list that a user gets with these options. A user without stored data gets that for strangers.

        Raises:
            InvalidRequestError: As for the list itself.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current(user_id)
        options = await self._scenarios.applied(options, user_id)
        if options.seed is None:  # so that the lists with more and more rules explore alike
            options = replace(options, seed=0)
        raise_if_invalid(*await option_errors(options, served))
        attributes, feedback, events = await self._read(user_id)

        async def query_of(feedback: Feedback, options: ListOptions) -> RankingQuery:
            query = ranking_query(served.schema, attributes, feedback, options)
            return await self._strangers.led(query, options, served)

        query = await query_of(feedback, options)
        ranked_by = served.recommender.ranked_by(query)
        all_steps = list(steps(feedback, options, ranked_by))
        queries = [await query_of(each.feedback, each.options) for each in all_steps]
        lists = await asyncio.gather(*(self._ranker.rank(served.recommender, each) for each in queries))
        reasons = await self._ranker.explain(served.recommender, query, lists[-1])
        made = [
            RecommendationList(items, served.model_version, ranked_by, step.options, reasons).without_former_items()
            for step, items in zip(all_steps, lists, strict=True)
        ]
        listed = {item.item_id for item in made[-1].items}
        left_out = [item for item in made[0].items if item.item_id not in listed]
        all_ids = [*listed, *(item.item_id for item in left_out)]
        return ListExplanation(
            user_id,
            query,
            _titles(served, query),
            events,
            await self._ranker.tastes(served.recommender, query, n=_TASTES),
            made[-1],
            left_out,
            positions(
                [(each.rule, of_step) for each, of_step in zip(all_steps, made, strict=True)],
                factors(served.recommender.catalogue, all_ids, feedback, options),
                served.schema.rating_scale,
            ),
        )

    async def _read(self, user_id: str) -> tuple[Mapping[str, object], Feedback, EventCounts]:
        """A user's attributes, what the user did, and the counts of the user's events."""
        async with self._database.read() as session:
            events = await EventRepository(session).counts_of(user_id)
            known = (await read_users(session, [user_id], half_life=self._half_life)).get(user_id)
            if known is not None:
                user, feedback = known
                return user.attributes, feedback, events
            of_stranger = await read_feedback(session, [user_id], half_life=self._half_life)
        return {}, of_stranger.get(user_id, Feedback()), events


def _titles(served: ServedModel, query: RankingQuery) -> dict[str, str | None]:
    """The titles of the items with which the user did something."""
    catalogue = served.recommender.catalogue
    rated = [rating.item_id for rating in query.ratings]
    interacted = [interaction.item_id for interaction in query.interactions]
    answered = [item_id for answer in query.answers for item_id in Topic.of_answer(answer).item_ids]
    rows = {item_id: catalogue.row_of(item_id) for item_id in (*rated, *interacted, *query.skipped, *answered)}
    return {item_id: None if row is None else catalogue.name(row)[1] for item_id, row in rows.items()}
