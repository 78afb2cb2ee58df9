"""A user's tastes in words, for the user to confirm or contradict."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import ServicesDep, UserId
from app.api.list_explanations import TasteResponse
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.schemas import ResponseModel, ShownUserId, ShownVersion
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.services.tastes import UserTastes
from models.ranking.tastes import Taste

router = APIRouter(prefix="/v1/users/{user_id}/tastes", tags=["questions"], route_class=RankingRoute)


class UserTasteResponse(TasteResponse):
    """A taste, and what the user says about it."""

    rating: Annotated[
        float | None,
        Field(description="The user's answer to the question about this value; null without one.", examples=[4.5]),
    ]


class UserTastesResponse(ResponseModel):
    """Attribute values that the user is expected to choose and like more, or less, often than strangers do.

    The strongest come first. Both lists are empty for an unknown user.
    """

    user_id: ShownUserId
    likes: list[UserTasteResponse]
    dislikes: Annotated[list[UserTasteResponse], Field(examples=[[]])]
    model_version: ShownVersion

    @classmethod
    def of(cls, user_id: str, found: UserTastes) -> Self:
        """The answer with a user's tastes."""

        def shown(taste: Taste) -> UserTasteResponse:
            of_taste = TasteResponse.model_validate(taste)
            return UserTasteResponse(**dict(of_taste), rating=found.ratings.get((taste.field, taste.value)))

        return cls(
            user_id=user_id,
            likes=[shown(taste) for taste in found.tastes.likes],
            dislikes=[shown(taste) for taste in found.tastes.dislikes],
            model_version=found.model_version,
        )


@router.get(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def get_tastes(
    user_id: UserId,
    services: ServicesDep,
    n: Annotated[int, Query(ge=1, le=100, description="Most likes, and most dislikes, to return.")] = 6,
) -> UserTastesResponse:
    """What the model concluded of a user, in words.

    An answer about an attribute confirms or contradicts it: `POST /v1/users/{user_id}/answers`.
    """
    return UserTastesResponse.of(user_id, await services.tastes.of_user(user_id, n=n))
