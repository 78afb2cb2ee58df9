"""Health: whether the service is alive, and ready for requests."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.dependencies import ServicesDep
from app.api.problems import declared_problem
from app.api.schemas import ResponseModel
from app.errors import HostNotAllowedError
from app.services.health import Readiness

router = APIRouter(prefix="/health", tags=["health"])


class LivenessResponse(ResponseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ChecksResponse(ResponseModel):
    """The state of each part: "ok", the active model version, or what is wrong."""

    database: str = Field(examples=["ok"])
    model: str = Field(examples=["coldstart-c8f7fe71d86a"])
    cache: str = Field(examples=["ok"])


class ReadinessResponse(ResponseModel):
    """Whether requests are answered. "degraded" means: answered, but more slowly or by a former model."""

    status: Readiness
    checks: ChecksResponse
    missing: list[str] = Field(description="The parts that do not work.", examples=[[]])


_REFUSED: dict[int | str, dict[str, Any]] = {HTTPStatus.FORBIDDEN: declared_problem(HostNotAllowedError)}
_UNAVAILABLE = {
    "status": "unavailable",
    "checks": {"database": "unavailable", "model": "none", "cache": "ok"},
    "missing": ["database", "model"],
}


@router.get("/live", responses=_REFUSED)
async def get_liveness() -> LivenessResponse:
    """Whether the process is alive. If not, restart it."""
    return LivenessResponse()


@router.get(
    "/ready",
    responses=_REFUSED
    | {
        HTTPStatus.SERVICE_UNAVAILABLE: {
            "model": ReadinessResponse,
            "description": "Not ready",
            "content": {"application/json": {"example": _UNAVAILABLE}},
        }
    },
)
async def get_readiness(services: ServicesDep, response: Response) -> ReadinessResponse:
    """Whether requests can be answered. If not, send them to another server."""
    report = await services.health.report()
    if report.status == Readiness.UNAVAILABLE:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return ReadinessResponse(
        status=report.status, checks=ChecksResponse.model_validate(report), missing=list(report.missing)
    )
