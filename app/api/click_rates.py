"""Click rates of lists."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import ServicesDep
from app.api.model_versions import OnlineEstimateResponse
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.schemas import EntityId, Moment, ResponseModel, ScenarioName
from app.errors import InvalidRequestError
from app.storage.events import GroupBy

router = APIRouter(prefix="/v1/click-rates", tags=["scenarios"])


class ClickRateResponse(ResponseModel):
    """The clicks on a group of showings; `variant` is null unless the groups are scenarios."""

    group: Annotated[str | None, Field(description="Null where it is unknown.", examples=["home"])]
    variant: Annotated[str | None, Field(examples=["scenario"])]
    shown: Annotated[int, Field(examples=[10_000])]
    clicked: Annotated[int, Field(examples=[1_200])]
    click_rate: OnlineEstimateResponse


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_click_rates(
    services: ServicesDep,
    by: Annotated[GroupBy, Query(description="What groups the showings.")] = GroupBy.SCENARIO,
    scenario: Annotated[
        ScenarioName | None, Query(description="Only lists of this scenario.", examples=["home"])
    ] = None,
    model_version: Annotated[
        EntityId | None, Query(description="Only lists of this version.", examples=["coldstart-c8f7fe71d86a"])
    ] = None,
    since: Annotated[
        Moment | None, Query(description="Only events from then on.", examples=["2026-11-01T00:00:00Z"])
    ] = None,
    until: Annotated[
        Moment | None, Query(description="Only events from before.", examples=["2026-12-01T00:00:00Z"])
    ] = None,
) -> Page[ClickRateResponse]:
    """Clicks per showing, from events, by scenario, position, model version or list. Most shown groups come first."""
    rates = await services.click_rates.rates(
        by, scenario=scenario, model_version=model_version, since=since, until=until
    )
    return Page(items=[ClickRateResponse.model_validate(rate) for rate in rates])
