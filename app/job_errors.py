"""Errors of jobs (evaluations, trainings and list exports) that a client is told about."""

from http import HTTPStatus
from typing import ClassVar

from app.errors import ServiceError


class JobNotFoundError(ServiceError):
    """There is no such job. Each kind of job has its own error.

    Attributes:
        job: The name of the kind.
    """

    status = HTTPStatus.NOT_FOUND
    job: ClassVar[str]

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no {self.job} {job_id!r}.")


class JobFinishedError(ServiceError):
    """A job that has ended cannot be cancelled. Each kind of job has its own error.

    Attributes:
        job: The name of the kind.
    """

    status = HTTPStatus.CONFLICT
    job: ClassVar[str]

    def __init__(self, status: str) -> None:
        super().__init__(f"The {self.job} has {status} and cannot be cancelled.")


class JobNotSucceededError(ServiceError):
    """A job has no result: it has not succeeded, or not yet. Each kind of job has its own error.

    Attributes:
        job: The name of the kind.
        result: What it has once it has succeeded.
    """

    status = HTTPStatus.CONFLICT
    job: ClassVar[str]
    result: ClassVar[str]

    def __init__(self, status: str) -> None:
        super().__init__(f"The {self.job} is {status}. It has a {self.result} once it has succeeded.")


class EvaluationNotFoundError(JobNotFoundError):
    """There is no such evaluation."""

    code = "evaluation-not-found"
    title = "There is no such evaluation"
    job = "evaluation"


class EvaluationNotSucceededError(JobNotSucceededError):
    """The evaluation has no report."""

    code = "evaluation-not-succeeded"
    title = "The evaluation has no report"
    job = "evaluation"
    result = "report"


class EvaluationFinishedError(JobFinishedError):
    """An evaluation that has ended cannot be cancelled."""

    code = "evaluation-finished"
    title = "The evaluation has already ended"
    job = "evaluation"


class EvaluationDataMissingError(ServiceError):
    """The service has no data set to evaluate on."""

    status = HTTPStatus.CONFLICT
    code = "evaluation-data-missing"
    title = "There is no data to evaluate on"

    def __init__(self) -> None:
        super().__init__("The data set that the model was trained on is not on this machine. Set COLDSTART_DATA_DIR.")


class TrainingNotFoundError(JobNotFoundError):
    """There is no such training."""

    code = "training-not-found"
    title = "There is no such training"
    job = "training"


class TrainingFinishedError(JobFinishedError):
    """A training that has ended cannot be cancelled."""

    code = "training-finished"
    title = "The training has already ended"
    job = "training"


class TrainingDataMissingError(ServiceError):
    """The service has no data set to train on in addition to its database."""

    status = HTTPStatus.CONFLICT
    code = "training-data-missing"
    title = "There is no data set to train on"

    def __init__(self) -> None:
        super().__init__(
            "The data set that the active version was trained on is not on this machine. Set COLDSTART_DATA_DIR."
        )


class ListExportNotFoundError(JobNotFoundError):
    """There is no such list export."""

    code = "list-export-not-found"
    title = "There is no such list export"
    job = "list export"


class ListExportNotSucceededError(JobNotSucceededError):
    """The list export has no file."""

    code = "list-export-not-succeeded"
    title = "The list export has no file"
    job = "list export"
    result = "file"


class ListExportFileGoneError(ServiceError):
    """The file of a list export is no longer kept."""

    status = HTTPStatus.GONE
    code = "list-export-file-gone"
    title = "The file of the list export is no longer kept"

    def __init__(self, days: int) -> None:
        super().__init__(f"Files of list exports are kept for {days} days, in the state directory of the workers.")


class ListExportFinishedError(JobFinishedError):
    """A list export that has ended cannot be cancelled."""

    code = "list-export-finished"
    title = "The list export has already ended"
    job = "list export"
