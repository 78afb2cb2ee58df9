"""Questions that new users can answer."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import Excluded, ServicesDep
from app.api.filters import Filters, FiltersDep, filter_of
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.schemas import (
    Attributes,
    EntityId,
    GivenItemId,
    NamedItemResponse,
    ResponseModel,
    ShownVersion,
    VisitorFeedback,
)
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.services.questions import QuestionList, QuestionOptions
from models.elicitation.question import QuestionKind

router = APIRouter(prefix="/v1/questions", tags=["questions"], route_class=RankingRoute)

_N = "Most questions to return."
_KINDS = "What the questions may be about; by default, everything."


class QuestionResponse(ResponseModel):
    """A question. What does not apply is null.

    About an `item`: how does the user rate it? About an `attribute`: how does the user like items with this value, of
    which `items` are examples? About a `group`: how does the user like `items` as a whole? `field` and `value` name the
    group, if a value is typical of its items. About a `pair`: which of the two does the user prefer?
    """

    kind: Annotated[QuestionKind, Field(examples=[QuestionKind.ATTRIBUTE])]
    field: Annotated[str | None, Field(examples=["genre"])]
    value: Annotated[str | None, Field(description="A decade such as `1990s` for a field of years.", examples=["War"])]
    items: Annotated[list[NamedItemResponse], Field(description="The best known first.")]
    score: float = Field(description="Comparable only within this answer.", examples=[0.42])


class QuestionPage(Page[QuestionResponse]):
    """Questions, best first, and the model version that chose them."""

    model_version: ShownVersion

    @classmethod
    def of(cls, chosen: QuestionList) -> Self:
        """The answer with questions."""
        return cls(
            items=[QuestionResponse.model_validate(question) for question in chosen.items],
            model_version=chosen.model_version,
        )


class QuestionsRequest(VisitorFeedback):
    """What is known of a visitor who is not stored. All of it is optional."""

    attributes: Attributes = Field(default_factory=dict)
    skipped: Annotated[
        list[GivenItemId], Field(default_factory=list, max_length=10_000, description="Items that could not be rated.")
    ]
    n: Annotated[int, Field(ge=1, le=100, strict=True, description=_N)] = 10
    kinds: Annotated[
        list[QuestionKind],
        Field(default_factory=lambda: list(QuestionKind), description=_KINDS, examples=[["attribute", "group"]]),
    ]
    exclude: Annotated[
        list[GivenItemId],
        Field(default_factory=list, max_length=10_000, description="Items that no question is to be about."),
    ]
    filter: Filters = Field(default_factory=dict)


@router.get(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def list_questions(
    services: ServicesDep,
    filters: FiltersDep,
    n: Annotated[int, Query(ge=1, le=100, description=_N)] = 10,
    kinds: Annotated[
        list[QuestionKind] | None,
        Query(description=f"{_KINDS} May be repeated.", examples=[[QuestionKind.ATTRIBUTE]]),
    ] = None,
    user_id: Annotated[
        EntityId | None,
        Query(
            description="Whom to ask. What this user has answered, rated or skipped is not asked again. The user may "
            "be new.",
            examples=["ada"],
        ),
    ] = None,
    exclude: Excluded = None,
) -> QuestionPage:
    """Questions whose answers would tell most about a user, about items and about what they have in common.

    A question about an item is answered by a rating, or by a skip; others by `POST /v1/users/{user_id}/answers`.
    """
    options = QuestionOptions(n=n, kinds=kinds or list(QuestionKind), exclude=exclude or [], filters=filters)
    return QuestionPage.of(await services.questions.for_user(user_id, options))


@router.post(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def choose_questions(body: QuestionsRequest, services: ServicesDep) -> QuestionPage:
    """Questions from what this request says alone. Nothing is stored."""
    options = QuestionOptions(n=body.n, kinds=body.kinds, exclude=body.exclude, filters=filter_of(body.filter))
    return QuestionPage.of(await services.questions.for_visitor(body.attributes, body.feedback(body.skipped), options))
