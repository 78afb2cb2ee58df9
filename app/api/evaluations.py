"""Offline evaluations, done by a worker."""

from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.jobs import JobSummary, job_fields
from app.api.models import EntityId
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.errors import (
    EvaluationDataMissingError,
    EvaluationFinishedError,
    EvaluationNotFoundError,
    EvaluationNotSucceededError,
    InvalidRequestError,
    ModelVersionNotFoundError,
    NoActiveModelError,
    QueueUnavailableError,
)
from app.storage.tables import Job
from models.evaluation import EvaluationConfig, EvaluationReport
from models.report import report_page

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


class EvaluationRequest(EvaluationConfig):
    """What to evaluate; the active model unless another is named."""

    model_version: EntityId | None = Field(default=None, description="A registered version.")

    def config(self) -> EvaluationConfig:
        """The settings of the evaluation itself."""
        return EvaluationConfig(**self.model_dump(exclude={"model_version"}))


class EvaluationSummary(JobSummary):
    """An evaluation without its report; `error` is there if it has failed."""

    evaluation_id: str
    model_version: str
    config: EvaluationConfig

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about an evaluation."""
        return cls(**_summary(job))


class EvaluationResponse(EvaluationSummary):
    """An evaluation; `report` is there once it has succeeded."""

    report: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about an evaluation."""
        return cls(**_summary(job), report=job.report)


def _summary(job: Job) -> dict[str, Any]:
    return {
        **job_fields(job),
        "evaluation_id": job.id,
        "model_version": job.parameters["model_version"],
        "config": job.parameters["config"],
    }


@router.post(
    "",
    dependencies=[ADMIN],
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(
        InvalidRequestError,
        ModelVersionNotFoundError,
        EvaluationDataMissingError,
        NoActiveModelError,
        QueueUnavailableError,
    ),
)
async def start_evaluation(
    services: ServicesDep, request: Request, response: Response, body: EvaluationRequest | None = None
) -> EvaluationResponse:
    """Have a model evaluated; `Location` is where to watch it."""
    asked = body or EvaluationRequest()
    job = await services.evaluations.start(asked.config(), model_version=asked.model_version)
    response.headers["Location"] = request.app.url_path_for("get_evaluation", evaluation_id=job.id)
    return EvaluationResponse.of(job)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_evaluations(services: ServicesDep, page: PageDep) -> Page[EvaluationSummary]:
    """All evaluations, the newest first, without their reports."""
    jobs = await services.evaluations.page(after=page.after, limit=page.limit)
    return page.page(jobs, EvaluationSummary.of, key=lambda job: job.id)


@router.get(
    "/{evaluation_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, EvaluationNotFoundError)
)
async def get_evaluation(evaluation_id: EntityId, services: ServicesDep) -> EvaluationResponse:
    """An evaluation, with its progress, and its report at the end."""
    return EvaluationResponse.of(await services.evaluations.get(evaluation_id))


@router.get(
    "/{evaluation_id}/report",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationNotSucceededError),
)
async def get_evaluation_report(evaluation_id: EntityId, services: ServicesDep) -> EvaluationReport:
    """An evaluation's report."""
    return EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))


@router.get(
    "/{evaluation_id}/report.html",
    dependencies=[READ],
    response_class=HTMLResponse,
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationNotSucceededError),
)
async def download_evaluation_report(evaluation_id: EntityId, services: ServicesDep) -> HTMLResponse:
    """An evaluation's report as one HTML file, with plots and their numbers."""
    report = EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))
    name = f"evaluation-{report.model_version}.html"
    return HTMLResponse(
        await to_thread.run_sync(report_page, report),
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


@router.delete(
    "/{evaluation_id}",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationFinishedError),
)
async def cancel_evaluation(evaluation_id: EntityId, services: ServicesDep) -> EvaluationResponse:
    """Cancel an evaluation that has not ended; it stays in the list."""
    return EvaluationResponse.of(await services.evaluations.cancel(evaluation_id))
