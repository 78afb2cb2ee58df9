"""A user's answers to questions about groups of items, attributes and pairs."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from app.api.authorisation import READ, WRITE
from app.api.dependencies import Explain, ListLength, ServicesDep, UserId
from app.api.links import linked
from app.api.pagination import Page, PageDep
from app.api.path_ids import PathId
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.recommendations import RecommendationPage, time_ranking
from app.api.schemas import (
    AnswerKind,
    AnswerRequest,
    Attributes,
    RequestModel,
    ResponseModel,
    ShownUserId,
    ShownVersion,
)
from app.errors import AnswerNotFoundError, InvalidRequestError, NoActiveModelError, OverloadedError, UserNotFoundError
from models.elicitation.question import QuestionKind

router = APIRouter(prefix="/v1/users/{user_id}/answers", tags=["questions"])

_FIRST_QUESTION = "$response.body#/answers/0/question_id"
_QUESTION_ID = "attribute-7c8f2f3d51c95b0f5c0fd15a1f4a1d3c"

QuestionId = Annotated[PathId, Path(description="The question's id, from the stored answer.", examples=[_QUESTION_ID])]


class AnswersRequest(RequestModel):
    """Answers, at most one a question, and optionally attributes, which replace the user's stored ones."""

    answers: Annotated[list[AnswerRequest], Field(min_length=1, max_length=1000)]
    attributes: Attributes | None = None


class AnswerResponse(ResponseModel):
    """A stored answer. What does not apply is null; where `rating` and `preferred` are null, the user cannot say."""

    question_id: Annotated[
        str, Field(description="The same for every user who answers the question.", examples=[_QUESTION_ID])
    ]
    kind: Annotated[AnswerKind, Field(examples=[QuestionKind.ATTRIBUTE])]
    item_ids: Annotated[list[str], Field(description="Of a group or a pair.", examples=[[]])]
    field: Annotated[str | None, Field(examples=["genre"])]
    value: Annotated[str | None, Field(examples=["War"])]
    rating: Annotated[float | None, Field(examples=[4.5])]
    preferred: Annotated[str | None, Field(description="Of the items of a pair.", examples=[None])]
    answered_at: datetime


class AnswersResponse(ResponseModel):
    """The stored answers to the questions in the request, and the new recommendations."""

    user_id: ShownUserId
    answers: list[AnswerResponse]
    recommendations: RecommendationPage
    model_version: ShownVersion


async def add_answers(
    user_id: UserId,
    body: AnswersRequest,
    services: ServicesDep,
    response: Response,
    n: ListLength = 10,
    explain: Explain = False,
) -> AnswersResponse:
    """Store answers, adapt to them, and recommend. Creates the user if new.

    Of two answers to a question the later is kept. A question that the user cannot answer is not asked again, and
    changes no list.
    """
    given = [answer.record() for answer in body.answers]
    stored = await services.answers.add(user_id, given, attributes=body.attributes, n=n, explain=explain)
    time_ranking(response, stored.recommendations)
    return AnswersResponse(
        user_id=user_id,
        answers=[AnswerResponse.model_validate(answer) for answer in stored.answers],
        recommendations=RecommendationPage.of(stored.recommendations),
        model_version=stored.recommendations.model_version,
    )


router.add_api_route(
    "",
    add_answers,
    methods=["POST"],
    dependencies=[WRITE],
    responses=linked(HTTPStatus.OK, delete_answer={"user_id": "$request.path.user_id", "question_id": _FIRST_QUESTION})
    | problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
    route_class_override=RankingRoute,  # the only one of these routes that computes a ranking
)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError))
async def list_answers(user_id: UserId, services: ServicesDep, page: PageDep) -> Page[AnswerResponse]:
    """The user's answers, ordered by question id."""
    answers = await services.answers.page(user_id, after=page.after, limit=page.limit)
    return page.page(answers, AnswerResponse.model_validate, key=lambda answer: answer.question_id)


@router.delete(
    "/{question_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError, AnswerNotFoundError),
)
async def delete_answer(user_id: UserId, question_id: QuestionId, services: ServicesDep) -> None:
    """Delete one answer: the question can be asked again."""
    await services.answers.delete(user_id, question_id)
