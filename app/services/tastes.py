"""Tastes: what the model concluded of a user, in words that the user can confirm or contradict."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.lists.feedback import Feedback, ListOptions, ranking_query, read_users
from app.services.model_host import ModelHost
from app.services.ranking import Ranker
from app.storage.database import Database
from models.ranking.tastes import Tastes


@dataclass(frozen=True)
class UserTastes:
    """A user's tastes.

    Attributes:
        tastes: What the model concluded of the user.
        ratings: By field and value, what the user answered to questions about attributes.
        model_version: The version that concluded it.
    """

    tastes: Tastes
    ratings: Mapping[tuple[str, str], float]
    model_version: str


class TasteService:
    """Describes users' tastes."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, *, half_life: timedelta) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._half_life = half_life

    async def of_user(self, user_id: str, *, n: int) -> UserTastes:
        """At most n likes, and at most n dislikes. A user without stored data has none.

        Raises:
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current(user_id)
        async with self._database.read() as session:
            known = (await read_users(session, [user_id], half_life=self._half_life)).get(user_id)
        attributes, feedback = ({}, Feedback()) if known is None else (known[0].attributes, known[1])
        query = ranking_query(served.schema, attributes, feedback, ListOptions(n))
        return UserTastes(
            await self._ranker.tastes(served.recommender, query, n=n),
            {
                (answer.field, answer.value): answer.rating
                for answer in feedback.answers
                if answer.field is not None and answer.value is not None and answer.rating is not None
            },
            served.model_version,
        )
