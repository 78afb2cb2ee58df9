"""Model versions: listing and activating them, and reports on them."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.pagination import Page, PageDep
from app.api.path_ids import PathId
from app.api.problems import problem_responses
from app.api.schemas import Line, Moment, RequestModel, ResponseModel, ShownVersion
from app.errors import (
    ArtifactUnusableError,
    FieldError,
    InvalidRequestError,
    ModelVersionNotFoundError,
    SchemaMismatchError,
)
from app.storage.current_versions import Versions
from app.storage.tables import ModelVersion
from models.artifact import ArtifactError

router = APIRouter(prefix="/v1/model-versions", tags=["model versions"])

VersionId = Annotated[PathId, PathParameter(description="A registered version.", examples=["coldstart-c8f7fe71d86a"])]


class ModelVersionResponse(ResponseModel):
    """A registered model version. `traffic_percent` is the share of the users that it serves."""

    version: ShownVersion
    active: bool = Field(description="Whether it serves all users whom no challenger serves.", examples=[True])
    traffic_percent: float = Field(examples=[90])
    preset: str = Field(examples=["coldstart"])
    data: str = Field(description="Name of the data set it was trained on.", examples=["ml-100k"])
    training_ratings: int = Field(examples=[100_000])
    training_users: int = Field(examples=[943])
    training_items: int = Field(examples=[1_682])
    research_twin: str | None = Field(
        description="The version of its research twin, which was trained on a part of the ratings and is evaluated "
        "in its place; null if the version is a research model itself.",
        examples=["coldstart-5f6c7b5abd3e"],
    )
    metrics: dict[str, float] = Field(
        description="Figures of its validation, or of its research twin's.", examples=[{"validation_mae": 0.7}]
    )
    created_at: datetime
    registered_at: datetime
    activated_at: datetime | None
    former_version: str | None = Field(
        description="The version that it replaced when it was activated. To roll back, activate that one.",
        examples=["coldstart-1f0a77c0d2b3"],
    )

    @classmethod
    def of(cls, version: ModelVersion, current: Versions) -> Self:
        """The answer about a version, where these serve."""
        return cls(
            version=version.id,
            active=version.id == current.model_version,
            traffic_percent=current.percent_of(version.id),
            preset=version.manifest["preset"]["name"],
            data=version.manifest["data"]["name"],
            training_ratings=version.manifest["data"]["training_ratings"],
            training_users=version.manifest["data"]["training_users"],
            training_items=version.manifest["data"]["training_items"],
            research_twin=_twin_version(version.manifest),
            metrics=version.manifest["metrics"],
            created_at=version.created_at,
            registered_at=version.registered_at,
            activated_at=version.activated_at,
            former_version=version.former_version,
        )


class RegistrationRequest(RequestModel):
    """A model to register."""

    directory: Line = Field(
        min_length=1,
        description="Directory of the artifact on the service's machine. All servers and workers read it there.",
        examples=["/models/coldstart-2026-01"],
    )


def _twin_version(manifest: dict[str, Any]) -> str | None:
    twin = manifest.get("research_twin")  # a manifest of an older release has none
    return None if twin is None else str(twin["version"])


class OnlineEstimateResponse(ResponseModel):
    """A figure and its 95 % interval over users. For a single user, a mean has no interval."""

    value: float = Field(examples=[0.12])
    low: float | None = Field(examples=[0.1])
    high: float | None = Field(examples=[0.14])


class ModelReportResponse(ResponseModel):
    """The report on a version: its events, and the error of its predictions.

    `click_rate` is clicks per showing. For each user and item, clicks count at most as often as the item was shown.
    `mae` is over `measured_ratings`: a sample of the posted ratings of its users, and ratings in events that arrived
    while it served.
    """

    version: ShownVersion
    since: datetime | None
    until: datetime | None
    users: int = Field(examples=[800])
    shown: int = Field(examples=[10_000])
    clicked: int = Field(examples=[1_200])
    rated: int = Field(examples=[150])
    dismissed: int = Field(examples=[20])
    click_rate: OnlineEstimateResponse | None
    measured_ratings: int = Field(examples=[900])
    mae: OnlineEstimateResponse | None


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_model_versions(services: ServicesDep, page: PageDep) -> Page[ModelVersionResponse]:
    """All registered versions, last registered first."""
    listed = await services.model_versions.page(after=page.after, limit=page.limit)
    return page.page(
        listed.versions,
        lambda version: ModelVersionResponse.of(version, listed.current),
        key=lambda version: version.id,
    )


@router.post("", dependencies=[ADMIN], status_code=HTTPStatus.CREATED, responses=problem_responses(InvalidRequestError))
async def register_model_version(body: RegistrationRequest, services: ServicesDep) -> ModelVersionResponse:
    """Register an artifact without activating it. Items that are new to the catalogue are added.

    Registering it again changes nothing.
    """
    try:
        version_id = await services.model_versions.register(Path(body.directory))
    except ArtifactError as error:
        raise InvalidRequestError([FieldError("directory", str(error))]) from error
    version = await services.model_versions.registered(version_id)
    return ModelVersionResponse.of(version, await services.model_versions.traffic())


@router.post(
    "/{version}:activate",
    dependencies=[ADMIN],
    responses=problem_responses(
        InvalidRequestError, ModelVersionNotFoundError, ArtifactUnusableError, SchemaMismatchError
    ),
)
async def activate_model_version(
    version: VersionId,
    services: ServicesDep,
    allow_schema_change: Annotated[
        bool,
        Query(
            description="Whether its rating scale may differ from the active version's, and attributes may be missing."
        ),
    ] = False,
) -> ModelVersionResponse:
    """Activate a version: it serves all users from now on. To roll back, activate the former version.

    It is loaded, checked and warmed first. Other processes follow within seconds.
    """
    activated = await services.model_versions.activate(version, allow_schema_change=allow_schema_change)
    return ModelVersionResponse.of(activated, await services.model_versions.traffic())


@router.get(
    "/{version}/report",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, ModelVersionNotFoundError),
)
async def get_model_report(
    version: VersionId,
    services: ServicesDep,
    since: Annotated[Moment | None, Query(description="Start of the time, inclusive.")] = None,
    until: Annotated[Moment | None, Query(description="End of the time, exclusive.")] = None,
) -> ModelReportResponse:
    """The report on a version. To compare two versions, choose the time in which both have served."""
    report = await services.model_reports.report(version, since=since, until=until)
    return ModelReportResponse.model_validate(report)
