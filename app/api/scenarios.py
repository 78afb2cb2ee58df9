"""Scenarios: places where lists are shown, such as the home page, with settings that are changed without a release."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self
from urllib.parse import unquote

from fastapi import APIRouter, Path
from pydantic import BeforeValidator, Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.filters import Filters, ShownFilter, filter_of, shown
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.recommendations import BoostRequest
from app.api.schemas import STRANGERS, GivenItemId, GivenStrangersList, RequestModel, ResponseModel, ScenarioName
from app.errors import InvalidRequestError, NoActiveModelError, ScenarioNotFoundError
from app.services.scenarios import NamedScenario, ScenarioSettings
from models.elicitation.strategy import Strategy
from models.ranking.query import RankBy

router = APIRouter(prefix="/v1/scenarios", tags=["scenarios"])

NamedInPath = Annotated[ScenarioName, BeforeValidator(unquote), Path(description="The scenario's name.")]


class ScenarioRequest(RequestModel):
    """The settings of a scenario. What is left out or null has its default; a request's own options have precedence."""

    n: Annotated[int | None, Field(ge=1, le=500, strict=True, description="Most items to return.", examples=[12])] = (
        None
    )
    filter: Filters = Field(default_factory=dict)
    rank_by: RankBy | None = None
    diversity: Annotated[float | None, Field(ge=0, le=1, examples=[0.3])] = None
    explore: Annotated[
        float | None,
        Field(ge=0, le=1, description="It does not apply to a request with `rank_by=rating`.", examples=[None]),
    ] = None
    boosts: Annotated[list[BoostRequest], Field(default_factory=list, max_length=100)]
    pinned: Annotated[list[GivenItemId], Field(default_factory=list, max_length=100)]
    exclude: Annotated[list[GivenItemId], Field(default_factory=list, max_length=1000)]
    include_rated: Annotated[bool | None, Field(strict=True)] = None
    strategy: Annotated[Strategy | None, Field(description="How candidates are chosen.")] = None
    strangers: Annotated[GivenStrangersList | None, Field(description=STRANGERS)] = None
    percent: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            allow_inf_nan=False,
            description="Share of the users to whom the settings apply, always the same users. The others are the "
            "control group, for comparison.",
            examples=[50],
        ),
    ] = 100.0

    def settings(self) -> ScenarioSettings:
        """The settings as the service takes them."""
        return ScenarioSettings(
            n=self.n,
            filters=filter_of(self.filter),
            rank_by=self.rank_by,
            diversity=self.diversity,
            explore=self.explore,
            boosts=[boost.rule() for boost in self.boosts],
            pinned=self.pinned,
            exclude=self.exclude,
            include_rated=self.include_rated,
            strategy=self.strategy,
            strangers=self.strangers,
            percent=self.percent,
        )


class ShownBoost(ResponseModel):
    """A rule that raises or lowers items."""

    factor: Annotated[float, Field(examples=[2.0])]
    item_ids: Annotated[list[str] | None, Field(examples=[None])]
    filter: ShownFilter


class ScenarioResponse(ResponseModel):
    """A scenario."""

    name: Annotated[str, Field(examples=["home"])]
    n: Annotated[int | None, Field(examples=[12])]
    filter: ShownFilter
    rank_by: Annotated[RankBy | None, Field(examples=[None])]
    diversity: Annotated[float | None, Field(examples=[0.3])]
    explore: Annotated[float | None, Field(examples=[None])]
    boosts: list[ShownBoost]
    pinned: Annotated[list[str], Field(examples=[["50"]])]
    exclude: Annotated[list[str], Field(examples=[[]])]
    include_rated: Annotated[bool | None, Field(examples=[None])]
    strategy: Annotated[Strategy | None, Field(examples=[None])]
    strangers: Annotated[str | None, Field(examples=[None])]
    percent: Annotated[float, Field(examples=[50.0])]
    updated_at: datetime

    @classmethod
    def of(cls, scenario: NamedScenario) -> Self:
        """The answer about a scenario."""
        settings = scenario.settings
        return cls(
            name=scenario.name,
            n=settings.n,
            filter=shown(settings.filters),
            rank_by=settings.rank_by,
            diversity=settings.diversity,
            explore=settings.explore,
            boosts=[
                ShownBoost(
                    factor=boost.factor,
                    item_ids=None if boost.item_ids is None else list(boost.item_ids),
                    filter=shown(boost.where),
                )
                for boost in settings.boosts
            ],
            pinned=list(settings.pinned),
            exclude=list(settings.exclude),
            include_rated=settings.include_rated,
            strategy=settings.strategy,
            strangers=settings.strangers,
            percent=settings.percent,
            updated_at=scenario.updated_at,
        )


@router.put("/{name}", dependencies=[ADMIN], responses=problem_responses(InvalidRequestError, NoActiveModelError))
async def put_scenario(name: NamedInPath, body: ScenarioRequest, services: ServicesDep) -> ScenarioResponse:
    """Create or replace a scenario. The next request that names it follows it, in every replica."""
    return ScenarioResponse.of(await services.scenarios.put(name, body.settings()))


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_scenarios(services: ServicesDep, page: PageDep) -> Page[ScenarioResponse]:
    """The scenarios, ordered by name."""
    scenarios = await services.scenarios.page(after=page.after, limit=page.limit)
    return page.page(scenarios, ScenarioResponse.of, key=lambda scenario: scenario.name)


@router.get("/{name}", dependencies=[READ], responses=problem_responses(InvalidRequestError, ScenarioNotFoundError))
async def get_scenario(name: NamedInPath, services: ServicesDep) -> ScenarioResponse:
    """A scenario."""
    return ScenarioResponse.of(await services.scenarios.get(name))


@router.delete(
    "/{name}",
    dependencies=[ADMIN],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, ScenarioNotFoundError),
)
async def delete_scenario(name: NamedInPath, services: ServicesDep) -> None:
    """Delete a scenario. Requests that name it are refused from then on. Its events stay."""
    await services.scenarios.delete(name)
