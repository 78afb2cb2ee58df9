"""Which model versions serve whom."""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.problems import problem_responses
from app.api.schemas import EntityId, RequestModel, ResponseModel
from app.errors import (
    ArtifactUnusableError,
    ChallengerIsActiveError,
    InvalidRequestError,
    ModelVersionNotFoundError,
    NoActiveModelError,
    SchemaMismatchError,
)
from app.storage.current_versions import Challenger, Versions

router = APIRouter(prefix="/v1/model-traffic", tags=["model versions"])


class ChallengerRequest(RequestModel):
    """A registered version, and the share of the users that it shall serve."""

    version: Annotated[EntityId, Field(examples=["coldstart-1f0a77c0d2b3"])]
    percent: Annotated[
        float,
        Field(
            gt=0,
            lt=100,
            strict=True,
            allow_inf_nan=False,
            description="Of the users, always the same ones.",
            examples=[10],
        ),
    ]


class ChallengerResponse(ResponseModel):
    """The version that serves a share of the users."""

    version: str = Field(examples=["coldstart-1f0a77c0d2b3"])
    percent: float = Field(examples=[10])


class TrafficResponse(ResponseModel):
    """The active version, and the challenger that serves some of the users instead, if there is one."""

    active: str | None = Field(examples=["coldstart-c8f7fe71d86a"])
    challenger: ChallengerResponse | None

    @classmethod
    def of(cls, versions: Versions) -> Self:
        """The answer about these versions."""
        challenger = versions.challenger
        return cls(
            active=versions.model_version,
            challenger=None if challenger is None else ChallengerResponse.model_validate(challenger),
        )


@router.get("", dependencies=[READ], responses=problem_responses())
async def get_model_traffic(services: ServicesDep) -> TrafficResponse:
    """Which version serves, and which one some of the users."""
    return TrafficResponse.of(await services.model_versions.traffic())


@router.put(
    "/challenger",
    dependencies=[ADMIN],
    responses=problem_responses(
        InvalidRequestError,
        ModelVersionNotFoundError,
        ArtifactUnusableError,
        SchemaMismatchError,
        ChallengerIsActiveError,
        NoActiveModelError,
    ),
)
async def put_challenger(body: ChallengerRequest, services: ServicesDep) -> TrafficResponse:
    """Have a version serve a share of the users, always the same ones. Requests without a user get the active one.

    Activating a version, this one or another, gives it everybody and ends the comparison.
    """
    await services.model_versions.challenge(Challenger(body.version, body.percent))
    return TrafficResponse.of(await services.model_versions.traffic())


@router.delete("/challenger", dependencies=[ADMIN], status_code=HTTPStatus.NO_CONTENT, responses=problem_responses())
async def delete_challenger(services: ServicesDep) -> None:
    """Have the active version serve everybody again; if it does already, nothing changes."""
    await services.model_versions.end_challenge()
