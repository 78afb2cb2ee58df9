"""Which models there are, activating them, and how they do."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.models import EntityId, Moment, ResponseModel
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.errors import ArtifactUnusableError, InvalidRequestError, ModelVersionNotFoundError, SchemaMismatchError
from app.storage.tables import ModelVersion
from app.storage.versions import Versions

router = APIRouter(prefix="/v1/model-versions", tags=["model versions"])


class ModelVersionResponse(ResponseModel):
    """A registered model version; `traffic_percent` is the share of the users that it serves."""

    version: str
    active: bool
    traffic_percent: float
    preset: str
    data: str
    training_ratings: int
    training_users: int
    training_items: int
    metrics: dict[str, float]
    created_at: datetime
    registered_at: datetime
    activated_at: datetime | None

    @classmethod
    def of(cls, version: ModelVersion, serving: Versions) -> Self:
        """The answer about a version, where these serve."""
        return cls(
            version=version.id,
            active=version.id == serving.model_version,
            traffic_percent=serving.percent_of(version.id),
            preset=version.manifest["preset"]["name"],
            data=version.manifest["data"]["name"],
            training_ratings=version.manifest["data"]["training_ratings"],
            training_users=version.manifest["data"]["training_users"],
            training_items=version.manifest["data"]["training_items"],
            metrics=version.manifest["metrics"],
            created_at=version.created_at,
            registered_at=version.registered_at,
            activated_at=version.activated_at,
        )


class OnlineEstimateResponse(ResponseModel):
    """A figure and its 95 % interval over users; of a single user a mean has none."""

    value: float
    low: float | None
    high: float | None


class ModelReportResponse(ResponseModel):
    """What became of a version's lists: events, and ratings that were compared with what it predicted before.

    `click_rate` is clicks per showing; of one item, no more clicks of a user count than it was shown to that user.
    `mae` is over `measured_ratings`: a sample of those posted by the users that it serves, and those of events that
    came while it served.
    """

    version: str
    since: datetime | None
    until: datetime | None
    users: int
    shown: int
    clicked: int
    rated: int
    click_rate: OnlineEstimateResponse | None
    measured_ratings: int
    mae: OnlineEstimateResponse | None


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_model_versions(services: ServicesDep, page: PageDep) -> Page[ModelVersionResponse]:
    """All registered versions, the last registered first."""
    listed = await services.model_versions.page(after=page.after, limit=page.limit)
    return page.page(
        listed.versions,
        lambda version: ModelVersionResponse.of(version, listed.serving),
        key=lambda version: version.id,
    )


@router.post(
    "/{version}:activate",
    dependencies=[ADMIN],
    responses=problem_responses(
        InvalidRequestError, ModelVersionNotFoundError, ArtifactUnusableError, SchemaMismatchError
    ),
)
async def activate_model_version(
    version: EntityId,
    services: ServicesDep,
    allow_schema_change: Annotated[
        bool,
        Query(description="Whether it may have another rating scale, or lack attributes, of the active version."),
    ] = False,
) -> ModelVersionResponse:
    """Have this version serve everybody from now on; rolling back is activating the former one.

    It is loaded, checked and warmed before. Other processes follow within seconds.
    """
    activated = await services.model_versions.activate(version, allow_schema_change=allow_schema_change)
    return ModelVersionResponse.of(activated, await services.model_versions.traffic())


@router.get(
    "/{version}/report",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, ModelVersionNotFoundError),
)
async def get_model_report(
    version: EntityId,
    services: ServicesDep,
    since: Annotated[Moment | None, Query(description="Only what happened from then on.")] = None,
    until: Annotated[Moment | None, Query(description="Only what happened before.")] = None,
) -> ModelReportResponse:
    """What became of this version's lists. To compare two versions, ask for the time in which both have served."""
    report = await services.model_reports.report(version, since=since, until=until)
    return ModelReportResponse.model_validate(report)
