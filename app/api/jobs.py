"""The part of an answer that all kinds of jobs share."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.api.schemas import ResponseModel
from app.storage.tables import Job, JobStatus


class JobSummary(ResponseModel):
    """A job without its report. `error` says why it has failed, if it has."""

    status: JobStatus
    progress: float = Field(ge=0, le=1, description="The share that is done.", examples=[0.0])
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = Field(description="Why it has failed, if it has.")


def job_fields(job: Job) -> dict[str, Any]:
    """The fields of `JobSummary`."""
    return {name: getattr(job, name) for name in JobSummary.model_fields}
