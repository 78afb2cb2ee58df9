"""Users and their attributes."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import ADMIN, READ, WRITE
from app.api.dependencies import ServicesDep, UserId
from app.api.ndjson import ndjson_body
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.record_streams import UserStreamResponse
from app.api.schemas import BatchUserRequest, RequestModel, ResponseModel, ShownUserId, UserRequest
from app.errors import InvalidRequestError, NoActiveModelError, UserNotFoundError
from app.services.users import UserProfile
from models.fields import AttributeValue

router = APIRouter(prefix="/v1", tags=["users"])


class UserPatchRequest(UserRequest):
    """The attributes of a user that change. Null removes an attribute."""


class BatchRequest(RequestModel):
    """Users to create, or whose attributes to replace."""

    users: Annotated[list[BatchUserRequest], Field(min_length=1, max_length=1000)]


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


@router.get("/users", dependencies=[ADMIN], responses=problem_responses(InvalidRequestError))
async def list_users(services: ServicesDep, page: PageDep) -> Page[UserResponse]:
    """All users, ordered by id. This needs the scope `admin`, because ids may be personal data."""
    users = await services.users.page(after=page.after, limit=page.limit)
    return page.page(users, UserResponse.of, key=lambda profile: profile.user.id)


@router.put(
    "/users/{user_id}", dependencies=[WRITE], responses=problem_responses(InvalidRequestError, NoActiveModelError)
)
async def put_user(user_id: UserId, body: UserRequest, services: ServicesDep) -> UserResponse:
    """Create a user, or replace a user's attributes. Ratings and interactions stay."""
    return UserResponse.of(await services.users.put(user_id, body.attributes))


@router.patch(
    "/users/{user_id}", dependencies=[WRITE], responses=problem_responses(InvalidRequestError, NoActiveModelError)
)
async def patch_user(user_id: UserId, body: UserPatchRequest, services: ServicesDep) -> UserResponse:
    """Change only the attributes that are sent. Null removes one; the others stay. Creates the user if new."""
    return UserResponse.of(await services.users.patch(user_id, body.attributes))


@router.post(
    "/users:batch",
    dependencies=[WRITE],
    response_model=Page[UserResponse] | UserStreamResponse,
    responses=problem_responses(InvalidRequestError, NoActiveModelError),
    openapi_extra=ndjson_body(
        "One JSON object a line, of the schema `BatchUserRequest`. Any number of lines.",
        example='{"user_id": "ada", "attributes": {"age": 36}}\n{"user_id": "bob"}\n',
    ),
)
async def put_users(body: BatchRequest, services: ServicesDep) -> Page[UserResponse]:
    """Create users or replace their attributes: up to 1,000 as JSON, all or none, or any number as NDJSON, one a line.

    Ratings and interactions stay. NDJSON is stored in chunks while it arrives. Valid lines are stored, wrong lines are
    reported, and unchanged users are not written. After an interruption, send the same lines again.
    """
    users = await services.users.put_all([user.record() for user in body.users])
    return Page(items=[UserResponse.of(user) for user in users])


@router.get(
    "/users/{user_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError)
)
async def get_user(user_id: UserId, services: ServicesDep) -> UserResponse:
    """A user."""
    return UserResponse.of(await services.users.get(user_id))


@router.delete(
    "/users/{user_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError),
)
async def delete_user(user_id: UserId, services: ServicesDep) -> None:
    """Erase a user, with all ratings, interactions, skips, answers and events."""
    await services.users.delete(user_id)
