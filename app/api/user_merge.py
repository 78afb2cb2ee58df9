"""Merging a guest into a user."""

from typing import Annotated, Self

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.routing import Match
from starlette.types import Scope

from app.api.authorisation import WRITE
from app.api.dependencies import ServicesDep, UserId
from app.api.problems import problem_responses
from app.api.schemas import EntityId, RequestModel, ResponseModel
from app.errors import InvalidRequestError
from app.storage.user_merge import Moved


class ActionRoute(APIRoute):
    """A route of an action, such as `/v1/users/{user_id}:merge-into`, that matches its path with any method.

    Otherwise `PUT /v1/users/ada:merge-into` would create a user `ada:merge-into`. Now it gets 405, and such a user's
    path has an encoded colon. The route must come before the one of the user.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route. Another method is refused by the route itself."""
        match, child_scope = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL else match), child_scope


router = APIRouter(prefix="/v1", tags=["users"], route_class=ActionRoute)


class MergeRequest(RequestModel):
    """The user to merge into."""

    into: Annotated[EntityId, Field(description="The id of the user who gets everything.", examples=["ada"])]


class MergeResponse(ResponseModel):
    """Whether there was something to merge, and what belongs to the user now.

    Rows that gave way to rows of the user, such as earlier ratings of the same items, are not counted.
    """

    merged: bool = Field(
        description="False if nothing is stored about the guest, for example because it was merged before.",
        examples=[True],
    )
    ratings: int = Field(examples=[3])
    interactions: int = Field(examples=[12])
    skips: int = Field(examples=[1])
    answers: int = Field(examples=[2])
    events: int = Field(examples=[20])

    @classmethod
    def of(cls, moved: Moved | None) -> Self:
        """The answer about a merge."""
        return cls(merged=moved is not None, **(moved or Moved(0, 0, 0, 0, 0))._asdict())


@router.post("/users/{user_id}:merge-into", dependencies=[WRITE], responses=problem_responses(InvalidRequestError))
async def merge_user(user_id: UserId, body: MergeRequest, services: ServicesDep) -> MergeResponse:
    """Merge a guest, such as a visitor who signs in, into another user. The guest is gone afterwards.

    Ratings, interactions, skips, answers and events move. Of two ratings of an item, and of two answers to a question,
    the later is kept; a rating replaces a skip. The user's attributes stay, and those that the user lacks come from the
    guest. The user is created if new. Merging again is harmless: it moves what has arrived for the guest in between.
    """
    return MergeResponse.of(await services.users.merge(user_id, body.into))
