"""A user's interactions: what the user did with items without rating them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

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
    Attributes,
    EntityId,
    InteractionRequest,
    RequestModel,
    ResponseModel,
    ShownItemId,
    ShownUserId,
    ShownVersion,
)
from app.errors import (
    InteractionNotFoundError,
    InvalidRequestError,
    NoActiveModelError,
    OverloadedError,
    UserNotFoundError,
)
from app.storage.interactions import InteractionEvent

router = APIRouter(prefix="/v1/users/{user_id}/interactions", tags=["interactions"])

_FIRST_EVENT = "$response.body#/interactions/0/event_id"

EventId = Annotated[PathId, Path(description="The event id of the interaction.", examples=["order-1042-1"])]


class UserInteractionRequest(InteractionRequest):
    """An interaction to store."""

    event_id: Annotated[
        EntityId | None,
        Field(
            description="Chosen by the client, unique for the user. An interaction that is sent again counts once. "
            "Without it, the service chooses one.",
            examples=["order-1042-1"],
        ),
    ] = None

    def event(self) -> InteractionEvent:
        """The interaction as it is stored."""
        return InteractionEvent(self.item_id, self.kind, self.occurred_at, self.event_id or uuid4().hex)


class InteractionsRequest(RequestModel):
    """Interactions, and optionally attributes, which replace the user's stored ones."""

    interactions: Annotated[list[UserInteractionRequest], Field(min_length=1, max_length=1000)]
    attributes: Attributes | None = None


class InteractionResponse(ResponseModel):
    """A stored interaction."""

    event_id: Annotated[str, Field(examples=["order-1042-1"])]
    item_id: ShownItemId
    kind: Annotated[str, Field(examples=["purchase"])]
    occurred_at: datetime


class InteractionsResponse(ResponseModel):
    """The stored interactions with the event ids of the request, and the new recommendations."""

    user_id: ShownUserId
    interactions: list[InteractionResponse]
    recommendations: RecommendationPage
    model_version: ShownVersion


async def add_interactions(
    user_id: UserId,
    body: InteractionsRequest,
    services: ServicesDep,
    response: Response,
    n: ListLength = 10,
    explain: Explain = False,
) -> InteractionsResponse:
    """Store interactions, adapt to them, and recommend. Creates the user if new. Sending them again changes nothing.

    The active model's schema names the kinds. Of a user's interactions with an item, that of the strongest kind counts,
    and of equally strong ones the latest. A rating of the item counts instead of all of them. An item with an
    interaction of a kind with a negative weight, such as `dislike`, is in no list of the user.
    """
    given = [each.event() for each in body.interactions]
    stored = await services.interactions.add(user_id, given, attributes=body.attributes, n=n, explain=explain)
    time_ranking(response, stored.recommendations)
    return InteractionsResponse(
        user_id=user_id,
        interactions=[InteractionResponse.model_validate(each) for each in stored.interactions],
        recommendations=RecommendationPage.of(stored.recommendations),
        model_version=stored.recommendations.model_version,
    )


router.add_api_route(
    "",
    add_interactions,
    methods=["POST"],
    dependencies=[WRITE],
    responses=linked(HTTPStatus.OK, delete_interaction={"user_id": "$request.path.user_id", "event_id": _FIRST_EVENT})
    | problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
    route_class_override=RankingRoute,  # the only one of these routes that computes a ranking
)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError, UserNotFoundError))
async def list_interactions(user_id: UserId, services: ServicesDep, page: PageDep) -> Page[InteractionResponse]:
    """The user's interactions, ordered by event id."""
    interactions = await services.interactions.page(user_id, after=page.after, limit=page.limit)
    return page.page(interactions, InteractionResponse.model_validate, key=lambda each: each.event_id)


@router.delete(
    "/{event_id}",
    dependencies=[WRITE],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, UserNotFoundError, InteractionNotFoundError),
)
async def delete_interaction(user_id: UserId, event_id: EventId, services: ServicesDep) -> None:
    """Withdraw one interaction: it never happened."""
    await services.interactions.delete(user_id, event_id)
