"""Interactions: stores them and answers with new recommendations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import InteractionNotFoundError, UserNotFoundError
from app.lists.feedback import ListOptions, ranking_query
from app.services.model_host import ModelHost
from app.services.ranking import Ranker
from app.services.recommendations import RecommendationList, recommend
from app.services.user_writes import UserWrite, UserWriter
from app.services.validation import attribute_errors, interaction_errors, raise_if_invalid
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.users import UserRepository
from models.data.attribute_values import known_attributes


@dataclass(frozen=True)
class InteractionsStored:
    """The stored interactions with the event ids of a request, and the new recommendations."""

    interactions: Sequence[InteractionEvent]
    recommendations: RecommendationList


class InteractionService:
    """Stores, lists and withdraws interactions."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, writer: UserWriter) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._writer = writer

    async def add(
        self,
        user_id: str,
        given: Sequence[InteractionEvent],
        *,
        attributes: Mapping[str, object] | None,
        n: int,
        explain: bool = False,
    ) -> InteractionsStored:
        """Store interactions, and recommend from all that the user did. Creates the user if new.

        An interaction whose event id the user has already is ignored. When this returns, the interactions are durable.

        Args:
            user_id: The user.
            given: At least one interaction.
            attributes: Replace the user's attributes, unless None.
            n: The most items to recommend.
            explain: Whether to name what moved each item up.

        Raises:
            InvalidRequestError: If attributes or interactions contradict the schema or the catalogue; nothing is
                stored.
            NoActiveModelError: If no model is being served; nothing is stored.
        """
        served = await self._host.current(user_id)
        schema = served.schema
        raise_if_invalid(
            attribute_errors(attributes or {}, schema.users),
            interaction_errors(given, schema.kinds, served.missing([each.item_id for each in given])),
        )
        known = None if attributes is None else known_attributes(attributes, schema.users)
        written = await self._writer.write(UserWrite(user_id, known, interactions=given))
        state, feedback = written.user
        options = ListOptions(n, explain=explain)
        query = ranking_query(served.schema, state.attributes, feedback, options)
        recommendations = await recommend(self._ranker, served, query, options)
        return InteractionsStored(written.interactions, recommendations)

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[InteractionEvent]:
        """A user's interactions by event id, after the key `after`.

        Raises:
            UserNotFoundError: If the user is unknown.
        """
        async with self._database.read() as session:
            if await UserRepository(session).get(user_id) is None:
                raise UserNotFoundError(user_id)
            return await InteractionRepository(session).page(user_id, after=after, limit=limit)

    async def delete(self, user_id: str, event_id: str) -> None:
        """Withdraw one interaction.

        Raises:
            UserNotFoundError: If the user is unknown.
            InteractionNotFoundError: If the user has no interaction with this event id.
        """
        async with self._database.write() as session:
            if not await UserRepository(session).touch(user_id):
                raise UserNotFoundError(user_id)
            if not await InteractionRepository(session).delete(user_id, event_id):
                raise InteractionNotFoundError(user_id, event_id)
