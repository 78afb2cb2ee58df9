"""Calls for questions that new users can answer, for the answers, and for tastes."""

from collections.abc import Sequence
from typing import Literal

from coldstart_client.call import Call, path_of
from coldstart_client.calls.filters import pairs
from coldstart_client.given import Attributes, Filter, GivenAnswer, GivenInteraction, GivenRating
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.questions import QuestionPage, StoredAnswer, StoredAnswers, UserTastes

Kinds = Sequence[Literal["item", "group", "attribute", "pair"]]


class QuestionCalls:
    """Calls for questions that new users can answer, for the answers, and for tastes."""

    @call
    def list_questions(
        self,
        *,
        user_id: str | None = None,
        n: int | None = None,
        kinds: Kinds | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
    ) -> Call[QuestionPage]:
        """Questions whose answers would tell most about a user, who may be new."""
        return Call(
            "GET",
            "/v1/questions",
            QuestionPage,
            query={"user_id": user_id, "n": n, "kinds": kinds, "exclude": exclude, "filter": pairs(filter)},
        )

    @call
    def choose_questions(
        self,
        *,
        attributes: Attributes | None = None,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
        answers: Sequence[GivenAnswer] | None = None,
        skipped: Sequence[str] | None = None,
        n: int | None = None,
        kinds: Kinds | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
    ) -> Call[QuestionPage]:
        """Questions from these arguments alone. Nothing is stored."""
        return Call(
            "POST",
            "/v1/questions",
            QuestionPage,
            body={
                "attributes": attributes,
                "ratings": ratings,
                "interactions": interactions,
                "answers": answers,
                "skipped": skipped,
                "n": n,
                "kinds": kinds,
                "exclude": exclude,
                "filter": filter,
            },
        )

    @call
    def add_answers(
        self,
        user_id: str,
        answers: Sequence[GivenAnswer],
        *,
        attributes: Attributes | None = None,
        n: int | None = None,
        explain: bool | None = None,
    ) -> Call[StoredAnswers]:
        """Store answers, adapt to them, and recommend `n` items. Attributes, if given, replace the user's.

        Creates the user if new. Of two answers to a question the later is kept. The answers are durable when this
        returns.
        """
        return Call(
            "POST",
            path_of("/v1/users/{}/answers", user_id),
            StoredAnswers,
            query={"n": n, "explain": explain},
            body={"answers": answers, "attributes": attributes},
        )

    @listing
    def list_answers(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[StoredAnswer]]:
        """The user's answers, ordered by question id."""
        return Call(
            "GET",
            path_of("/v1/users/{}/answers", user_id),
            Page[StoredAnswer],
            query={"limit": limit, "cursor": cursor},
        )

    @call
    def delete_answer(self, user_id: str, question_id: str) -> Call[None]:
        """Delete one answer: the question can be asked again."""
        return Call("DELETE", path_of("/v1/users/{}/answers/{}", user_id, question_id), type(None))

    @call
    def get_tastes(self, user_id: str, *, n: int | None = None) -> Call[UserTastes]:
        """What the model concluded of a user, in words. An answer about an attribute confirms or contradicts it."""
        return Call("GET", path_of("/v1/users/{}/tastes", user_id), UserTastes, query={"n": n})
