"""Events: which recommended items were shown, clicked, rated and dismissed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import WRITE
from app.api.dependencies import ServicesDep
from app.api.problems import problem_responses
from app.api.schemas import EntityId, GivenItemId, Moment, RequestModel, ResponseModel
from app.errors import FieldError, InvalidRequestError, NoActiveModelError
from app.services.recommendation_ids import origin_of
from app.services.validation import raise_if_invalid
from app.storage.events import EventRecord
from app.storage.tables import EventType

router = APIRouter(prefix="/v1/events", tags=["model versions"])


class EventRequest(RequestModel):
    """Something that happened to a recommended item. Without a time it happened just now."""

    event_id: Annotated[
        EntityId,
        Field(description="Chosen by the client. An event that is sent again counts once.", examples=["6f1c3d9a-1"]),
    ]
    type: EventType
    model_version: Annotated[
        EntityId,
        Field(
            description="The model version of the answer that contained the item.", examples=["coldstart-c8f7fe71d86a"]
        ),
    ]
    user_id: Annotated[EntityId, Field(examples=["ada"])]
    item_id: GivenItemId
    rating: Annotated[
        float | None, Field(strict=True, allow_inf_nan=False, description="Only for events of type `rated`.")
    ] = None
    occurred_at: Moment | None = None
    recommendation_id: Annotated[
        str | None,
        Field(
            max_length=128,
            description="Of the answer that contained the item. It says for which scenario the list was made.",
            examples=["5d1c0a8e9b27f643.home.scenario"],
        ),
    ] = None
    position: Annotated[
        int | None, Field(ge=1, le=1_000_000, strict=True, description="The item's `rank` in it.", examples=[3])
    ] = None


class EventsRequest(RequestModel):
    """Events."""

    events: Annotated[list[EventRequest], Field(min_length=1, max_length=1000)]


class EventsResponse(ResponseModel):
    """How many of the events are new, and how many were stored already."""

    stored: int = Field(examples=[1])
    known: int = Field(examples=[0])


@router.post("", dependencies=[WRITE], responses=problem_responses(InvalidRequestError, NoActiveModelError))
async def add_events(body: EventsRequest, services: ServicesDep) -> EventsResponse:
    """Store up to 1,000 events, all or none of them, for the reports on their model versions.

    Sending them again changes nothing. An item that a user was shown or opened falls in the user's lists for a while,
    and one that was dismissed is not in them any more. An event changes what the model knows of the user only if a
    setting makes an interaction of it: post ratings and interactions to the user as well.
    """
    now = datetime.now(UTC)
    origins = [None if event.recommendation_id is None else origin_of(event.recommendation_id) for event in body.events]
    raise_if_invalid(
        [
            FieldError(f"events.{index}.recommendation_id", "is not the id of a list")
            for index, (event, origin) in enumerate(zip(body.events, origins, strict=True))
            if event.recommendation_id is not None and origin is None
        ]
    )
    events = [
        EventRecord(
            id=event.event_id,
            type=event.type,
            model_version=event.model_version,
            user_id=event.user_id,
            item_id=event.item_id,
            rating=event.rating,
            occurred_at=event.occurred_at or now,
            recommendation_id=event.recommendation_id,
            scenario=None if origin is None else origin.scenario,
            variant=None if origin is None else origin.variant,
            position=event.position,
        )
        for event, origin in zip(body.events, origins, strict=True)
    ]
    return EventsResponse.model_validate(await services.events.add(events))
