"""Users and their attributes."""

from datetime import datetime
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import ADMIN, READ, WRITE
from app.api.dependencies import ServicesDep, UserId
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.schemas import Attributes, RequestModel, ResponseModel, ShownUserId
from app.errors import InvalidRequestError, NoActiveModelError, UserNotFoundError
from app.services.users import UserProfile
from models.fields import AttributeValue

router = APIRouter(prefix="/v1/users", tags=["users"])


class UserRequest(RequestModel):
    """A user's attributes."""

    attributes: Attributes = Field(default_factory=dict)


class UserResponse(ResponseModel):
    """A user."""

    user_id: ShownUserId
    attributes: dict[str, AttributeValue] = Field(
        description="Those whose values are known.", examples=[{"age": 36.0, "gender": "F", "occupation": "programmer"}]
    )
    rating_count: int = Field(ge=0, examples=[5])
    created_at: datetime

    @classmethod
    def of(cls, profile: UserProfile) -> Self:
        """The answer about a user."""
        return cls(
            user_id=profile.user.id,
            attributes=profile.user.attributes,
            rating_count=profile.rating_count,
            created_at=profile.user.created_at,
        )


@router.get("", dependencies=[ADMIN], responses=problem_responses(InvalidRequestError))
async def list_users(services: ServicesDep, page: PageDep) -> Page[UserResponse]:
    """All users, ordered by id. This needs the scope `admin`, because ids may be personal data."""
    users = await services.users.page(after=page.after, limit=page.limit)
    return page.page(users, UserResponse.of, key=lambda profile: profile.user.id)


@router.put("/{user_id}", dependencies=[WRITE], responses=problem_responses(InvalidRequestError, NoActiveModelError))
async def put_user(user_id: UserId, body: UserRequest, services: ServicesDep) -> UserResponse:
    """Create a user, or replace a user's attributes. Ratings and interactions stay."""
    return UserResponse.of(await services.users.put(user_id, body.attributes))


@router.get("/{user_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError))
async def get_user(user_id: UserId, services: ServicesDep) -> UserResponse:
    """A user."""
    return UserResponse.of(await services.users.get(user_id))


@router.delete(
    "/{user_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError),
)
async def delete_user(user_id: UserId, services: ServicesDep) -> None:
    """Erase a user, with all ratings, interactions, skips and events."""
    await services.users.delete(user_id)
