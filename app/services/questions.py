"""Questions: what to ask a new user about items, groups of items, attributes and pairs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.lists.feedback import Feedback, ListOptions, ranking_query, read_users
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import Ranker
from app.services.validation import (
    raise_if_invalid,
)
from app.services.visitor_errors import visitor_errors
from app.storage.database import Database
from models.elicitation.question import Question, QuestionKind
from models.ranking.filters import Filter


@dataclass(frozen=True)
class QuestionList:
    """Questions, best first, and the model version that chose them."""

    items: Sequence[Question]
    model_version: str


@dataclass(frozen=True)
class QuestionOptions:
    """The options of a request for questions.

    Attributes:
        n: The most questions.
        kinds: What they may be about.
        exclude: Items that no question is about.
        filters: Conditions on the items that questions are about.
    """

    n: int
    kinds: Collection[QuestionKind]
    exclude: Sequence[str]
    filters: Filter


class QuestionService:
    """Chooses questions. What the user has answered, or cannot answer, is not asked again."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, *, half_life: timedelta) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._half_life = half_life

    async def for_user(self, user_id: str | None, options: QuestionOptions) -> QuestionList:
        """Questions to a user. A user without stored data, and None, get the questions to strangers.

        Raises:
            InvalidRequestError: If a filter has a field, a value or a condition that items do not have.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current(user_id)
        raise_if_invalid(await filter_errors(options.filters, served))
        known = None
        if user_id is not None:
            async with self._database.read() as session:
                known = (await read_users(session, [user_id], half_life=self._half_life)).get(user_id)
        attributes, feedback = ({}, Feedback()) if known is None else (known[0].attributes, known[1])
        return await self._ask(served, attributes, feedback, options)

    async def for_visitor(
        self, attributes: Mapping[str, object], feedback: Feedback, options: QuestionOptions
    ) -> QuestionList:
        """Questions from the request alone. Nothing is stored.

        Raises:
            InvalidRequestError: If attributes, feedback or filters contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        raise_if_invalid(
            await visitor_errors(attributes, feedback, served),
            await filter_errors(options.filters, served),
        )
        return await self._ask(served, attributes, feedback, options)

    async def _ask(
        self, served: ServedModel, attributes: Mapping[str, object], feedback: Feedback, options: QuestionOptions
    ) -> QuestionList:
        listed = ListOptions(options.n, exclude=options.exclude, filters=options.filters)
        questions = await self._ranker.ask(
            served.recommender,
            ranking_query(served.schema, attributes, feedback, listed),
            n=options.n,
            kinds=options.kinds,
            skipped=[answer.topic for answer in feedback.answers if answer.is_unknown],
        )
        return QuestionList(questions, served.model_version)
