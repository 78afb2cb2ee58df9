"""A user's ratings."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.authorisation import READ, WRITE
from app.api.dependencies import Explain, ItemId, ListLength, ServicesDep, UserId
from app.api.links import linked
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.recommendations import RecommendationPage, time_ranking
from app.api.schemas import (
    Attributes,
    RatingRequest,
    RequestModel,
    ResponseModel,
    ShownItemId,
    ShownUserId,
    ShownVersion,
)
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError, RatingNotFoundError, UserNotFoundError

router = APIRouter(prefix="/v1/users/{user_id}/ratings", tags=["ratings"])

_FIRST_ITEM = "$response.body#/ratings/0/item_id"


class RatingsRequest(RequestModel):
    """Ratings, at most one an item, and optionally attributes, which replace the user's stored ones."""

    ratings: Annotated[list[RatingRequest], Field(min_length=1, max_length=1000)]
    attributes: Attributes | None = None


class RatingResponse(ResponseModel):
    """A stored rating."""

    item_id: ShownItemId
    rating: Annotated[float, Field(examples=[5.0])]
    rated_at: datetime


class RatingsResponse(ResponseModel):
    """The stored ratings of the items in the request, and the new recommendations."""

    user_id: ShownUserId
    ratings: list[RatingResponse]
    recommendations: RecommendationPage
    model_version: ShownVersion


async def add_ratings(
    user_id: UserId,
    body: RatingsRequest,
    services: ServicesDep,
    response: Response,
    n: ListLength = 10,
    explain: Explain = False,
) -> RatingsResponse:
    """Store ratings, adapt to them, and recommend. Creates the user if new. Of two ratings the later is kept."""
    stored = await services.ratings.add(
        user_id, [rating.record() for rating in body.ratings], attributes=body.attributes, n=n, explain=explain
    )
    time_ranking(response, stored.recommendations)
    return RatingsResponse.model_validate(
        {
            "user_id": user_id,
            "ratings": stored.ratings,
            "recommendations": RecommendationPage.of(stored.recommendations),
            "model_version": stored.recommendations.model_version,
        }
    )


router.add_api_route(
    "",
    add_ratings,
    methods=["POST"],
    dependencies=[WRITE],
    responses=linked(HTTPStatus.OK, delete_rating={"user_id": "$request.path.user_id", "item_id": _FIRST_ITEM})
    | problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
    route_class_override=RankingRoute,  # the only one of these routes that computes a ranking
)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError))
async def list_ratings(user_id: UserId, services: ServicesDep, page: PageDep) -> Page[RatingResponse]:
    """The user's ratings, ordered by item id."""
    ratings = await services.ratings.page(user_id, after=page.after, limit=page.limit)
    return page.page(ratings, RatingResponse.model_validate, key=lambda rating: rating.item_id)


@router.delete(
    "/{item_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError, RatingNotFoundError),
)
async def delete_rating(user_id: UserId, item_id: ItemId, services: ServicesDep) -> None:
    """Delete one rating."""
    await services.ratings.delete(user_id, item_id)
