"""Which models there are, and which one serves."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.models import EntityId, ResponseModel, ShownVersion
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.errors import ArtifactUnusableError, InvalidRequestError, ModelVersionNotFoundError
from app.storage.tables import ModelVersion

router = APIRouter(prefix="/v1/model-versions", tags=["model versions"])

VersionId = Annotated[EntityId, Path(description="A registered version.", examples=["coldstart-c8f7fe71d86a"])]


class ModelVersionResponse(ResponseModel):
    """A registered model version."""

    version: ShownVersion
    active: bool = Field(description="Whether it serves.", examples=[True])
    preset: str = Field(examples=["coldstart"])
    data: str = Field(description="Name of the data set that it was trained on.", examples=["ml-100k"])
    training_ratings: int = Field(examples=[80_000])
    training_users: int = Field(examples=[800])
    training_items: int = Field(examples=[1_500])
    metrics: dict[str, float] = Field(description="Of its validation.", examples=[{"validation_mae": 0.7}])
    created_at: datetime
    registered_at: datetime
    activated_at: datetime | None

    @classmethod
    def of(cls, version: ModelVersion, *, active: bool) -> Self:
        """The answer about a version."""
        return cls(
            version=version.id,
            active=active,
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


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_model_versions(services: ServicesDep, page: PageDep) -> Page[ModelVersionResponse]:
    """All registered versions, the last registered first."""
    listed = await services.model_versions.page(after=page.after, limit=page.limit)
    return page.page(
        listed.versions,
        lambda version: ModelVersionResponse.of(version, active=version.id == listed.active),
        key=lambda version: version.id,
    )


@router.post(
    "/{version}:activate",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, ModelVersionNotFoundError, ArtifactUnusableError),
)
async def activate_model_version(version: VersionId, services: ServicesDep) -> ModelVersionResponse:
    """Serve this version from now on; rolling back is activating the former one."""
    return ModelVersionResponse.of(await services.model_versions.activate(version), active=True)
