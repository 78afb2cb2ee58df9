"""The overview for operators."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import ServicesDep
from app.api.model_traffic import TrafficResponse
from app.api.problems import problem_responses
from app.api.schemas import ResponseModel
from app.services.overview import Overview

router = APIRouter(prefix="/v1/overview", tags=["overview"])


class OverviewResponse(ResponseModel):
    """How much is stored, what serves, and what is wrong."""

    users: int = Field(ge=0, examples=[943])
    items: int = Field(ge=0, description="Without deleted ones.", examples=[1_682])
    ratings: int = Field(ge=0, examples=[100_000])
    interactions: int = Field(ge=0, examples=[25_000])
    answers: int = Field(ge=0, examples=[4_000])
    lists_per_minute: int = Field(
        ge=0,
        description="Lists of recommendations in the last minute, by the process that answers. `/metrics` has those of "
        "all processes.",
        examples=[120],
    )
    traffic: TrafficResponse
    problems: list[str] = Field(description="What is wrong, in sentences.", examples=[[]])

    @classmethod
    def of(cls, overview: Overview) -> Self:
        """The answer with an overview."""
        return cls(
            **overview.counts._asdict(),
            lists_per_minute=overview.lists_per_minute,
            traffic=TrafficResponse.of(overview.versions),
            problems=list(overview.problems),
        )


@router.get("", dependencies=[READ], responses=problem_responses())
async def get_overview(services: ServicesDep) -> OverviewResponse:
    """How much is stored, what serves, and what is wrong. The numbers of large tables may be some minutes old."""
    return OverviewResponse.of(await services.overview.overview())
