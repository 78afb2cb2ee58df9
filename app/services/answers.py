"""Answers to questions: stores them and answers with new recommendations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import AnswerNotFoundError, UserNotFoundError
from app.lists.feedback import ListOptions, ranking_query
from app.services.answer_errors import answer_errors
from app.services.model_host import ModelHost
from app.services.ranking import Ranker
from app.services.recommendations import RecommendationList, recommend
from app.services.user_writes import UserWrite, UserWriter
from app.services.validation import attribute_errors, raise_if_invalid
from app.storage.answers import AnswerRecord, AnswerRepository
from app.storage.database import Database
from app.storage.users import UserRepository
from models.data.attribute_values import known_attributes


@dataclass(frozen=True)
class AnswersStored:
    """The stored answers to the questions of a request, and the new recommendations."""

    answers: Sequence[AnswerRecord]
    recommendations: RecommendationList


class AnswerService:
    """Stores, lists and deletes answers."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, writer: UserWriter) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._writer = writer

    async def add(
        self,
        user_id: str,
        given: Sequence[AnswerRecord],
        *,
        attributes: Mapping[str, object] | None,
        n: int,
        explain: bool = False,
    ) -> AnswersStored:
        """Store answers, and recommend from all that the user did. Creates the user if new.

        Of two answers to a question the later is kept. When this returns, the answers are durable.

        Args:
            user_id: The user.
            given: At least one answer, and one answer a question.
            attributes: Replace the user's attributes, unless None.
            n: The most items to recommend.
            explain: Whether to name what moved each item up.

        Raises:
            InvalidRequestError: If attributes or answers contradict the schema or the catalogue; nothing is stored.
            NoActiveModelError: If no model is being served; nothing is stored.
        """
        served = await self._host.current(user_id)
        schema = served.schema
        raise_if_invalid(
            attribute_errors(attributes or {}, schema.users),
            await answer_errors(given, served),
        )
        known = None if attributes is None else known_attributes(attributes, schema.users)
        written = await self._writer.write(UserWrite(user_id, known, answers=given))
        state, feedback = written.user
        options = ListOptions(n, explain=explain)
        query = ranking_query(schema, state.attributes, feedback, options)
        recommendations = await recommend(self._ranker, served, query, options)
        by_question = {answer.question_id: answer for answer in feedback.answers}
        return AnswersStored([by_question[answer.question_id] for answer in given], recommendations)

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[AnswerRecord]:
        """A user's answers by question id, after the key `after`.

        Raises:
            UserNotFoundError: If the user is unknown.
        """
        async with self._database.read() as session:
            if await UserRepository(session).get(user_id) is None:
                raise UserNotFoundError(user_id)
            return await AnswerRepository(session).page(user_id, after=after, limit=limit)

    async def delete(self, user_id: str, question_id: str) -> None:
        """Delete one answer: the question can be asked again.

        Raises:
            UserNotFoundError: If the user is unknown.
            AnswerNotFoundError: If the user has not answered the question.
        """
        async with self._database.write() as session:
            if not await UserRepository(session).touch(user_id):
                raise UserNotFoundError(user_id)
            if not await AnswerRepository(session).delete(user_id, question_id):
                raise AnswerNotFoundError(user_id, question_id)
