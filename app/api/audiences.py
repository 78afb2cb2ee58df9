"""Audiences: the users who would most probably choose and like an item."""

import json
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, TypeAdapter, ValidationError

from app.api.authorisation import ADMIN
from app.api.dependencies import ItemId, ServicesDep
from app.api.pagination import Page, PageDep, encode_cursor, not_a_cursor
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.schemas import EntityId, ResponseModel, ShownVersion
from app.errors import InvalidRequestError, ItemNotFoundError, NoActiveModelError, OverloadedError
from app.services.audiences import Audience, Place

router = APIRouter(prefix="/v1", tags=["recommendations"], route_class=RankingRoute)

_PLACE: TypeAdapter[Place] = TypeAdapter(Place)


class ProspectResponse(ResponseModel):
    """A user, with the figures that the item has in the user's list."""

    user_id: Annotated[EntityId, Field(examples=["ada"])]
    choice_probability: Annotated[float, Field(ge=0, le=1, examples=[0.012])]
    like_probability: Annotated[float | None, Field(ge=0, le=1, examples=[0.93])]
    predicted_rating: Annotated[float | None, Field(examples=[4.6])]


class AudiencePage(Page[ProspectResponse]):
    """A part of the audience, and how many users were considered for it.

    It is in order of `choice_probability` times `like_probability`, highest first, like lists by `choice`.
    """

    considered: Annotated[int, Field(ge=0, examples=[943])]
    model_version: ShownVersion

    @classmethod
    def of(cls, audience: Audience) -> Self:
        """The answer with a page of an audience."""
        place = audience.next_place
        return cls(
            items=[ProspectResponse.model_validate(prospect) for prospect in audience.prospects],
            next_cursor=None if place is None else encode_cursor(json.dumps(place, ensure_ascii=False)),
            considered=audience.considered,
            model_version=audience.model_version,
        )


@router.get(
    "/items/{item_id}/audience",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, ItemNotFoundError, NoActiveModelError, OverloadedError),
)
async def list_audience(
    item_id: ItemId,
    services: ServicesDep,
    page: PageDep,
    users: Annotated[
        int, Query(ge=1, le=10_000, description="How many users to consider: those who rated or interacted last.")
    ] = 1_000,
) -> AudiencePage:
    """The users who would most probably choose and like the item, without those who know or dismissed it.

    Each considered user costs as much as a list. The audience is kept for five minutes for its next pages.
    """
    audience = await services.audiences.of_item(item_id, users=users, after=_place(page.after), limit=page.limit)
    return AudiencePage.of(audience)


def _place(key: str | None) -> Place | None:
    """The place that a cursor holds."""
    try:
        return None if key is None else _PLACE.validate_json(key)
    except ValidationError:
        raise not_a_cursor() from None
