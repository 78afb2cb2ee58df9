"""Offline evaluations, done by a worker."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Self

from fastapi import APIRouter, Request, Response

from app.api.dependencies import ServicesDep
from app.api.models import EntityId, ResponseModel
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.errors import (
    EvaluationDataMissingError,
    EvaluationFinishedError,
    EvaluationNotFoundError,
    EvaluationNotSucceededError,
    InvalidRequestError,
    NoActiveModelError,
    QueueUnavailableError,
)
from app.storage.tables import Job, JobStatus
from models.evaluation import EvaluationConfig, EvaluationReport

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


class EvaluationResponse(ResponseModel):
    """An evaluation: `report` is there once it has succeeded, `error` if it has failed."""

    evaluation_id: str
    status: JobStatus
    progress: float
    model_version: str
    config: EvaluationConfig
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    report: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about an evaluation."""
        return cls(
            evaluation_id=job.id,
            status=JobStatus(job.status),
            progress=job.progress,
            model_version=job.parameters["model_version"],
            config=job.parameters["config"],
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            error=job.error,
            report=job.report,
        )


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(
        InvalidRequestError, EvaluationDataMissingError, NoActiveModelError, QueueUnavailableError
    ),
)
async def start_evaluation(
    services: ServicesDep, request: Request, response: Response, config: EvaluationConfig | None = None
) -> EvaluationResponse:
    """Have the active model evaluated; `Location` is where to watch it."""
    job = await services.evaluations.start(config or EvaluationConfig())
    response.headers["Location"] = request.app.url_path_for("get_evaluation", evaluation_id=job.id)
    return EvaluationResponse.of(job)


@router.get("", responses=problem_responses(InvalidRequestError))
async def list_evaluations(services: ServicesDep, page: PageDep) -> Page[EvaluationResponse]:
    """All evaluations, the newest first."""
    jobs = await services.evaluations.page(after=page.after, limit=page.limit)
    return page.page(jobs, EvaluationResponse.of, key=lambda job: job.id)


@router.get("/{evaluation_id}", responses=problem_responses(InvalidRequestError, EvaluationNotFoundError))
async def get_evaluation(evaluation_id: EntityId, services: ServicesDep) -> EvaluationResponse:
    """An evaluation, with its progress, and its report at the end."""
    return EvaluationResponse.of(await services.evaluations.get(evaluation_id))


@router.get(
    "/{evaluation_id}/report",
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationNotSucceededError),
)
async def get_evaluation_report(evaluation_id: EntityId, services: ServicesDep) -> EvaluationReport:
    """An evaluation's report."""
    return EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))


@router.delete(
    "/{evaluation_id}",
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationFinishedError),
)
async def cancel_evaluation(evaluation_id: EntityId, services: ServicesDep) -> EvaluationResponse:
    """Cancel an evaluation that has not ended; it stays in the list."""
    return EvaluationResponse.of(await services.evaluations.cancel(evaluation_id))
