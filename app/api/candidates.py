"""Items to ask new users about."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import Excluded, FiltersDep, ListLength, ServicesDep
from app.api.models import EntityId, ResponseModel
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.errors import InvalidRequestError, NoActiveModelError
from app.services.scoring import CandidateRequest
from models.candidates import Strategy

router = APIRouter(prefix="/v1/candidates", tags=["candidates"])


class CandidateResponse(ResponseModel):
    """An item, and how much it is worth asking about by the strategy's own measure."""

    item_id: str
    title: str | None
    score: float


class CandidatePage(Page[CandidateResponse]):
    """Candidates, the best first, and the model version that chose them."""

    model_version: str


@router.get("", responses=problem_responses(InvalidRequestError, NoActiveModelError))
async def list_candidates(
    services: ServicesDep,
    filters: FiltersDep,
    n: ListLength = 20,
    strategy: Strategy = Strategy.GRADIENT_POPULARITY,
    user_id: Annotated[
        EntityId | None, Query(description="Leave out what this user has rated; the user may be new.")
    ] = None,
    exclude: Excluded = None,
    seed: Annotated[int, Query(ge=0, lt=2**32, description="Of the random strategy.")] = 0,
) -> CandidatePage:
    """Items whose ratings would tell the most about a new user."""
    request = CandidateRequest(strategy=strategy, n=n, exclude=exclude or [], filters=filters, seed=seed)
    chosen = await services.eliciting.choose(request, user_id=user_id)
    return CandidatePage(
        items=[CandidateResponse.model_validate(candidate) for candidate in chosen.items],
        model_version=chosen.model_version,
    )
