"""Model traffic: which model version serves which users."""

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
    """A registered version, and the share of the users that it is to serve."""

    version: Annotated[EntityId, Field(examples=["coldstart-1f0a77c0d2b3"])]
    percent: Annotated[
        float,
        Field(
            gt=0,
            lt=100,
            strict=True,
            allow_inf_nan=False,
            description="Share of the users. They are always the same users.",
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
    """The active version, and the challenger if there is one."""
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
    """Let a version serve a share of the users, always the same ones.

    The active version serves all others, and requests without a user. Activating any version ends the challenge.
    """
    await services.model_versions.challenge(Challenger(body.version, body.percent))
    return TrafficResponse.of(await services.model_versions.traffic())


@router.delete("/challenger", dependencies=[ADMIN], status_code=HTTPStatus.NO_CONTENT, responses=problem_responses())
async def delete_challenger(services: ServicesDep) -> None:
    """End the challenge: the active version serves all users. Without a challenger nothing changes."""
    await services.model_versions.end_challenge()
