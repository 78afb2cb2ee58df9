"""Evaluations: jobs that evaluate a model version offline."""

from http import HTTPStatus
from typing import Annotated, Any, Self
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.jobs import JobSummary, job_fields
from app.api.links import linked
from app.api.pagination import Page, PageDep
from app.api.path_ids import PathId
from app.api.problems import problem_responses
from app.api.schemas import EntityId, ShownVersion
from app.errors import InvalidRequestError, ModelVersionNotFoundError, NoActiveModelError
from app.job_errors import (
    EvaluationDataMissingError,
    EvaluationFinishedError,
    EvaluationNotFoundError,
    EvaluationNotSucceededError,
)
from app.reports import report_page
from app.storage.tables import Job
from models.evaluation import Estimate, EvaluationConfig, EvaluationReport, PredictorReport, StateReport

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])

EvaluationId = Annotated[PathId, Path(description="An evaluation's id.", examples=["3f2b8c1d5e6a4f7089abcdef01234567"])]


_STARTED = {"evaluation_id": "$response.body#/evaluation_id"}

_REPORT_EXAMPLE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "content": {
            "application/json": {
                "example": EvaluationReport(
                    model_version="coldstart-5f6c7b5abd3e",
                    twin_of="coldstart-c8f7fe71d86a",
                    data="ml-1m",
                    config=EvaluationConfig(states=("user_cold",)),
                    notes=(),
                    states=(
                        StateReport(
                            state="user_cold",
                            users=668,
                            query_ratings=6680,
                            mean_support=35.6,
                            predictors=(
                                PredictorReport(
                                    name="coldstart",
                                    measures={"mae": Estimate(value=0.629, low=0.612, high=0.648)},
                                ),
                            ),
                        ),
                    ),
                ).model_dump(mode="json")
            }
        }
    }
}


class EvaluationRequest(EvaluationConfig):
    """What to evaluate; by default the active model version."""

    model_version: EntityId | None = Field(
        default=None, description="A registered version.", examples=["coldstart-c8f7fe71d86a"]
    )

    def config(self) -> EvaluationConfig:
        """The configuration of the evaluation."""
        return EvaluationConfig(**self.model_dump(exclude={"model_version"}))


class EvaluationSummary(JobSummary):
    """An evaluation without its report. `error` says why it has failed, if it has."""

    evaluation_id: str = Field(examples=["3f2b8c1d5e6a4f7089abcdef01234567"])
    model_version: ShownVersion
    config: EvaluationConfig

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about an evaluation."""
        return cls(**_summary(job))


class EvaluationResponse(EvaluationSummary):
    """An evaluation. It has a `report` once it has succeeded."""

    report: dict[str, Any] | None = Field(description="An `EvaluationReport`.", examples=[None])

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
    responses=linked(HTTPStatus.ACCEPTED, get_evaluation_report=_STARTED, download_evaluation_report=_STARTED)
    | problem_responses(
        InvalidRequestError,
        ModelVersionNotFoundError,
        EvaluationDataMissingError,
        NoActiveModelError,
    ),
)
async def start_evaluation(
    services: ServicesDep, request: Request, response: Response, body: EvaluationRequest | None = None
) -> EvaluationResponse:
    """Start an evaluation of a model version. `Location` is the URL of the job."""
    asked = body or EvaluationRequest()
    job = await services.evaluations.start(asked.config(), model_version=asked.model_version)
    response.headers["Location"] = request.app.url_path_for("get_evaluation", evaluation_id=job.id)
    return EvaluationResponse.of(job)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_evaluations(services: ServicesDep, page: PageDep) -> Page[EvaluationSummary]:
    """All evaluations, newest first, without their reports."""
    jobs = await services.evaluations.page(after=page.after, limit=page.limit)
    return page.page(jobs, EvaluationSummary.of, key=lambda job: job.id)


@router.get(
    "/{evaluation_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, EvaluationNotFoundError)
)
async def get_evaluation(evaluation_id: EvaluationId, services: ServicesDep) -> EvaluationResponse:
    """An evaluation with its progress, and its report once it has succeeded."""
    return EvaluationResponse.of(await services.evaluations.get(evaluation_id))


@router.get(
    "/{evaluation_id}/report",
    dependencies=[READ],
    responses=_REPORT_EXAMPLE
    | problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationNotSucceededError),
)
async def get_evaluation_report(evaluation_id: EvaluationId, services: ServicesDep) -> EvaluationReport:
    """An evaluation's report."""
    return EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))


@router.get(
    "/{evaluation_id}/report.html",
    dependencies=[READ],
    response_class=HTMLResponse,
    responses=problem_responses(InvalidRequestError, EvaluationNotFoundError, EvaluationNotSucceededError),
)
async def download_evaluation_report(evaluation_id: EvaluationId, services: ServicesDep) -> HTMLResponse:
    """An evaluation's report as one HTML file with plots and tables."""
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
async def cancel_evaluation(evaluation_id: EvaluationId, services: ServicesDep) -> EvaluationResponse:
    """Cancel a queued or running evaluation. It stays in the list."""
    return EvaluationResponse.of(await services.evaluations.cancel(evaluation_id))
