"""Trainings: jobs that train a new model version on the ratings in the database."""

from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ServicesDep
from app.api.jobs import JobSummary, job_fields
from app.api.pagination import Page, PageDep
from app.api.path_ids import PathId
from app.api.problems import problem_responses
from app.api.schemas import RequestModel, ShownVersion
from app.errors import InvalidRequestError, NoActiveModelError
from app.job_errors import TrainingDataMissingError, TrainingFinishedError, TrainingNotFoundError
from app.jobs.training import TrainingReport
from app.storage.tables import Job
from models.training.preset import load_preset, preset_names

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

TrainingId = Annotated[PathId, Path(description="A training's id.", examples=["3f2b8c1d5e6a4f7089abcdef01234567"])]


def _is_preset(name: str) -> str:
    if name not in (names := preset_names()):
        raise ValueError(f"must be one of {', '.join(names)}")
    return name


class TrainingRequest(RequestModel):
    """What to train."""

    preset: Annotated[str, AfterValidator(_is_preset)] | None = Field(
        default=None,
        description="A preset that comes with the product; by default the active version's preset.",
        examples=["coldstart"],
    )
    epochs: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = Field(
        default=None, description="Overrides the preset.", examples=[30]
    )
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] | None = Field(
        default=None, description="Overrides the preset.", examples=[0]
    )
    with_data_set: bool = Field(
        default=False,
        strict=True,
        description="Train on a data set as well: `COLDSTART_DATA_DIR`, or the active version's data set.",
    )
    activate: bool = Field(
        default=False,
        strict=True,
        description="Activate the new version if the comparison shows that it is better than the active one.",
    )


class TrainingSummary(JobSummary):
    """A training without its report. `model_version` is the version that the new one is compared with."""

    training_id: str = Field(examples=["3f2b8c1d5e6a4f7089abcdef01234567"])
    model_version: ShownVersion
    preset: str = Field(examples=["coldstart"])
    with_data_set: bool
    activate: bool

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about a training."""
        return cls(**_summary(job))


class TrainingResponse(TrainingSummary):
    """A training. It has a `report` once it has succeeded."""

    report: TrainingReport | None = Field(
        description="The new version, its comparison with `model_version`, and why it was activated or not.",
        examples=[None],
    )

    @classmethod
    def of(cls, job: Job) -> Self:
        """The answer about a training."""
        return cls(**_summary(job), report=job.report)


def _summary(job: Job) -> dict[str, Any]:
    return {
        **job_fields(job),
        "training_id": job.id,
        "model_version": job.parameters["model_version"],
        "preset": job.parameters["preset"]["name"],
        "with_data_set": job.parameters["data_path"] is not None,
        "activate": job.parameters["activate"],
    }


@router.post(
    "",
    dependencies=[ADMIN],
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(InvalidRequestError, TrainingDataMissingError, NoActiveModelError),
)
async def start_training(
    services: ServicesDep, request: Request, response: Response, body: TrainingRequest | None = None
) -> TrainingResponse:
    """Start the training of a new version on the ratings in the database. `Location` is the URL of the job.

    The new version is compared with the active one on held-out users, and registered. It is activated if that was
    requested and it is better.
    """
    asked = body or TrainingRequest()
    job = await services.trainings.start(
        preset=None if asked.preset is None else load_preset(asked.preset),
        epochs=asked.epochs,
        seed=asked.seed,
        with_data_set=asked.with_data_set,
        activate=asked.activate,
    )
    response.headers["Location"] = request.app.url_path_for("get_training", training_id=job.id)
    return TrainingResponse.of(job)


@router.get("", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_trainings(services: ServicesDep, page: PageDep) -> Page[TrainingSummary]:
    """All trainings, newest first, without their reports."""
    jobs = await services.trainings.page(after=page.after, limit=page.limit)
    return page.page(jobs, TrainingSummary.of, key=lambda job: job.id)


@router.get(
    "/{training_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, TrainingNotFoundError)
)
async def get_training(training_id: TrainingId, services: ServicesDep) -> TrainingResponse:
    """A training with its progress, and its report once it has succeeded."""
    return TrainingResponse.of(await services.trainings.get(training_id))


@router.delete(
    "/{training_id}",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, TrainingNotFoundError, TrainingFinishedError),
)
async def cancel_training(training_id: TrainingId, services: ServicesDep) -> TrainingResponse:
    """Cancel a queued or running training. It stays in the list, and registers no version."""
    return TrainingResponse.of(await services.trainings.cancel(training_id))
