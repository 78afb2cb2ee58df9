"""List exports: jobs that rank for all stored users and write their lists to a file."""

from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.filters import Filters, ShownFilter, filter_of, shown
from app.api.jobs import JobSummary, job_fields
from app.api.links import linked
from app.api.pagination import Page, PageDep
from app.api.path_ids import PathId
from app.api.problems import problem_responses
from app.api.schemas import RequestModel, ResponseModel, ShownVersion
from app.errors import InvalidRequestError, NoActiveModelError
from app.job_errors import (
    ListExportFileGoneError,
    ListExportFinishedError,
    ListExportNotFoundError,
    ListExportNotSucceededError,
)
from app.lists.export import ExportOptions
from app.storage.tables import Job
from models.ranking.query import RankBy

router = APIRouter(prefix="/v1/list-exports", tags=["recommendations"])

ListExportId = Annotated[PathId, Path(description="A list export's id.", examples=["3f2b8c1d5e6a4f7089abcdef01234567"])]

_PARQUET = "application/vnd.apache.parquet"
_STARTED = {"list_export_id": "$response.body#/list_export_id"}
_FILE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "description": "The Parquet file.",
        "content": {_PARQUET: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ListExportRequest(RequestModel):
    """What the lists of all users are to be like."""

    n: Annotated[int, Field(ge=1, le=500, strict=True, description="Most items of a list.")] = 10
    rank_by: Annotated[RankBy, Field(description="What orders the lists of known users.")] = RankBy.CHOICE
    filter: Filters = Field(default_factory=dict)


class ListExportResult(ResponseModel):
    """What is in the file."""

    users: Annotated[int, Field(description="Users for whom the service has ranked.", examples=[943])]
    rows: Annotated[int, Field(description="One for each item of each list.", examples=[9430])]
    bytes: Annotated[int, Field(description="Size of the file.", examples=[95324])]


class ListExportResponse(JobSummary):
    """A list export. It has a `report` and a file once it has succeeded. `model_version` ranks for all users."""

    list_export_id: Annotated[str, Field(examples=["3f2b8c1d5e6a4f7089abcdef01234567"])]
    model_version: ShownVersion
    n: int = Field(examples=[10])
    rank_by: RankBy
    filter: ShownFilter
    report: ListExportResult | None = Field(examples=[None])

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about a list export."""
        options = ExportOptions.model_validate(job.parameters["options"])
        return cls(
            **job_fields(job),
            list_export_id=job.id,
            model_version=job.parameters["model_version"],
            n=options.n,
            rank_by=options.rank_by,
            filter=shown(options.filters),
            report=None if job.report is None else ListExportResult(**job.report),
        )


@router.post(
    "",
    dependencies=[ADMIN],
    status_code=HTTPStatus.ACCEPTED,
    responses=linked(HTTPStatus.ACCEPTED, download_list_export=_STARTED)
    | problem_responses(InvalidRequestError, NoActiveModelError),
)
async def start_list_export(
    services: ServicesDep, request: Request, response: Response, body: ListExportRequest | None = None
) -> ListExportResponse:
    """Start to rank for all stored users by the active version. `Location` is the URL of the job."""
    asked = body or ListExportRequest()
    options = ExportOptions(n=asked.n, rank_by=asked.rank_by, filters=filter_of(asked.filter))
    job = await services.list_exports.start(options)
    response.headers["Location"] = request.app.url_path_for("get_list_export", list_export_id=job.id)
    return ListExportResponse.of(job)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_list_exports(services: ServicesDep, page: PageDep) -> Page[ListExportResponse]:
    """All list exports, newest first."""
    jobs = await services.list_exports.page(after=page.after, limit=page.limit)
    return page.page(jobs, ListExportResponse.of, key=lambda job: job.id)


@router.get(
    "/{list_export_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, ListExportNotFoundError)
)
async def get_list_export(list_export_id: ListExportId, services: ServicesDep) -> ListExportResponse:
    """A list export with its progress."""
    return ListExportResponse.of(await services.list_exports.get(list_export_id))


@router.get(
    "/{list_export_id}/file",
    dependencies=[ADMIN],
    response_class=FileResponse,
    responses=_FILE
    | problem_responses(
        InvalidRequestError, ListExportNotFoundError, ListExportNotSucceededError, ListExportFileGoneError
    ),
)
async def download_list_export(list_export_id: ListExportId, services: ServicesDep) -> FileResponse:
    """The lists as a Parquet file, one row for each item of each list, ordered by user and rank."""
    file = await services.list_exports.file(list_export_id)
    return FileResponse(file, media_type=_PARQUET, filename=f"lists-{list_export_id}.parquet")


@router.delete(
    "/{list_export_id}",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, ListExportNotFoundError, ListExportFinishedError),
)
async def cancel_list_export(list_export_id: ListExportId, services: ServicesDep) -> ListExportResponse:
    """Cancel a queued or running list export. It stays in the list, and has no file."""
    return ListExportResponse.of(await services.list_exports.cancel(list_export_id))
