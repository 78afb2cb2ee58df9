"""Candidates: items to ask new users about."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import Excluded, ListLength, ServicesDep
from app.api.filters import Filters, FiltersDep, filter_of
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.schemas import (
    SCENARIO,
    EntityId,
    GivenItemId,
    ResponseModel,
    ScenarioName,
    ShownItemId,
    ShownTitle,
    ShownVersion,
    VisitorFeedback,
)
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.services.candidates import CandidateList, CandidateOptions
from models.elicitation.strategy import Strategy

router = APIRouter(prefix="/v1/candidates", tags=["candidates"], route_class=RankingRoute)

_STRATEGY = "How to choose candidates; by default the service's strategy."
_SEED = "Seed of the random strategy."


class CandidateResponse(ResponseModel):
    """An item, and the strategy's score for asking about it."""

    item_id: ShownItemId
    title: ShownTitle
    score: float = Field(description="Comparable only within this answer.", examples=[0.42])


class CandidatePage(Page[CandidateResponse]):
    """Candidates, best first, and the model version that chose them."""

    model_version: ShownVersion

    @classmethod
    def of(cls, chosen: CandidateList) -> Self:
        """The answer with candidates."""
        return cls(
            items=[CandidateResponse.model_validate(candidate) for candidate in chosen.items],
            model_version=chosen.model_version,
        )


class CandidatesRequest(VisitorFeedback):
    """The ratings, interactions, answers and skips of a visitor who is not stored. All of it is optional.

    Answers are checked, but do not matter to these strategies. `POST /v1/questions` takes account of them.
    """

    skipped: Annotated[
        list[GivenItemId], Field(default_factory=list, max_length=10_000, description="Items that could not be rated.")
    ]
    strategy: Annotated[Strategy | None, Field(description=_STRATEGY)] = None
    n: Annotated[int, Field(ge=1, le=500, strict=True, description="Most items to return.")] = 20
    exclude: Annotated[
        list[GivenItemId], Field(default_factory=list, max_length=10_000, description="Items to leave out.")
    ]
    filter: Filters = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True, description=_SEED)] = 0
    scenario: Annotated[ScenarioName | None, Field(description=SCENARIO, examples=[None])] = None


@router.get(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def list_candidates(
    services: ServicesDep,
    filters: FiltersDep,
    n: ListLength = 20,
    strategy: Annotated[Strategy | None, Query(description=_STRATEGY)] = None,
    user_id: Annotated[
        EntityId | None,
        Query(
            description="Leave out items that this user has rated, interacted with or skipped. The user may be new.",
            examples=["ada"],
        ),
    ] = None,
    skipped: Annotated[
        list[GivenItemId] | None,
        Query(
            max_length=500,
            description="An item that could not be rated, in addition to stored skips. May be repeated.",
        ),
    ] = None,
    exclude: Excluded = None,
    seed: Annotated[int, Query(ge=0, lt=2**32, description=_SEED)] = 0,
    scenario: Annotated[ScenarioName | None, Query(description=SCENARIO, examples=["home"])] = None,
) -> CandidatePage:
    """Items whose ratings would tell most about a new user."""
    options = CandidateOptions(
        strategy=strategy, n=n, exclude=exclude or [], filters=filters, seed=seed, scenario=scenario
    )
    return CandidatePage.of(await services.candidates.for_user(user_id, skipped or [], options))


@router.post(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def choose_candidates(body: CandidatesRequest, services: ServicesDep) -> CandidatePage:
    """Candidates from what this request says alone. Nothing is stored."""
    options = CandidateOptions(
        strategy=body.strategy,
        n=body.n,
        exclude=body.exclude,
        filters=filter_of(body.filter),
        seed=body.seed,
        scenario=body.scenario,
    )
    chosen = await services.candidates.for_visitor(body.feedback(body.skipped), options)
    return CandidatePage.of(chosen)
