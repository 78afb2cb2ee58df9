"""Skips: items that a user was asked to rate and could not."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import READ, WRITE
from app.api.dependencies import ItemId, ServicesDep, UserId
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.schemas import GivenItemId, RequestModel, ResponseModel, ShownItemId
from app.errors import InvalidRequestError, NoActiveModelError, SkipNotFoundError, UserNotFoundError

router = APIRouter(prefix="/v1/users/{user_id}/skips", tags=["candidates"])


class SkipsRequest(RequestModel):
    """Items that the user could not rate."""

    item_ids: Annotated[list[GivenItemId], Field(min_length=1, max_length=1000)]


class SkipResponse(ResponseModel):
    """A stored skip."""

    item_id: ShownItemId
    skipped_at: datetime


@router.post(
    "",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, NoActiveModelError),
)
async def add_skips(user_id: UserId, body: SkipsRequest, services: ServicesDep) -> None:
    """Store that a user could not rate items, so that they are not candidates again. Creates the user if new.

    Items that the user has rated are left out. Rating an item later deletes its skip.
    """
    await services.skips.add(user_id, body.item_ids)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError))
async def list_skips(user_id: UserId, services: ServicesDep, page: PageDep) -> Page[SkipResponse]:
    """The user's skips, ordered by item id."""
    skips = await services.skips.page(user_id, after=page.after, limit=page.limit)
    return page.page(skips, SkipResponse.model_validate, key=lambda skip: skip.item_id)


@router.delete(
    "/{item_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError, SkipNotFoundError),
)
async def delete_skip(user_id: UserId, item_id: ItemId, services: ServicesDep) -> None:
    """Delete one skip: the item can be a candidate again."""
    await services.skips.delete(user_id, item_id)
