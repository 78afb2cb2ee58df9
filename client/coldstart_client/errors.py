"""The errors of this package. Every one is a `ColdstartError`."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

import httpx
from pydantic import BaseModel, ValidationError


class ColdstartError(Exception):
    """Base of this package's errors."""


class InvalidArgumentError(ColdstartError, ValueError):
    """An argument of another type, an empty id, or an address without a scheme. Nothing was sent."""


class WaitTimeoutError(ColdstartError, TimeoutError):
    """A job has not ended in the time that `wait` was given. It goes on."""


class NoAnswerError(ColdstartError):
    """No answer came: the service cannot be reached, or took longer than the timeout.

    The service may or may not have handled the request.
    """


class UnexpectedAnswerError(ColdstartError):
    """An answer that this version of the client cannot read."""


@dataclass(frozen=True)
class WrongField:
    """A field of the request that is wrong, such as `ratings.2.rating`, and why."""

    field: str
    reason: str


class ProblemError(ColdstartError):
    """The service answered with problem details (RFC 9457).

    Attributes:
        type: Names the kind of problem and never changes.
        title: The kind of problem for people.
        status: The HTTP status.
        detail: What happened this time.
        instance: Names the request, as the service's log does.
        errors: The wrong fields, if the request is to blame.
        retry_after_seconds: After how many seconds to try again, if the service says so. It has done nothing then.
    """

    _status: ClassVar[HTTPStatus | None] = None

    def __init__(self, problem: "_Problem", retry_after_seconds: float | None) -> None:
        super().__init__(f"{problem.title}: {problem.detail}" if problem.detail else problem.title)
        self.type = problem.type
        self.title = problem.title
        self.status = problem.status
        self.detail = problem.detail
        self.instance = problem.instance
        self.errors = tuple(problem.errors)
        self.retry_after_seconds = retry_after_seconds

    @property
    def code(self) -> str:
        """The last part of the type, such as `user-not-found`."""
        return self.type.rpartition(":")[2]


class InvalidRequestError(ProblemError):
    """The request contradicts the API or the model's schema; `errors` says where. It changed nothing."""

    _status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnauthorizedError(ProblemError):
    """An API key is needed, or the one that was sent is not valid."""

    _status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(ProblemError):
    """The key's scope does not include this call, or the service does not answer for the host of its address."""

    _status = HTTPStatus.FORBIDDEN


class NotFoundError(ProblemError):
    """There is no such user, item, rating, evaluation or model version; `code` says which."""

    _status = HTTPStatus.NOT_FOUND


class ConflictError(ProblemError):
    """The request does not fit the present state, such as the report of an evaluation that still runs."""

    _status = HTTPStatus.CONFLICT


class RateLimitedError(ProblemError):
    """The key has made too many requests, and still did after the client had waited and retried."""

    _status = HTTPStatus.TOO_MANY_REQUESTS


class UnavailableError(ProblemError):
    """The service cannot answer now: it is overloaded, has no model, or its database does not answer."""

    _status = HTTPStatus.SERVICE_UNAVAILABLE


class _Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str | None = None
    errors: list[WrongField] = []


_BY_STATUS: dict[int | None, type[ProblemError]] = {error._status: error for error in ProblemError.__subclasses__()}


def problem_of(answer: httpx.Response) -> ProblemError:
    """The error of an answer. The answer may come from a proxy, and then has another form."""
    try:
        problem = _Problem.model_validate_json(answer.content)
    except ValidationError:
        problem = _Problem(title=answer.reason_phrase or "Error", status=answer.status_code, detail=answer.text[:500])
    return _BY_STATUS.get(answer.status_code, ProblemError)(problem, retry_after_seconds(answer))


def retry_after_seconds(answer: httpx.Response) -> float | None:
    """The seconds in the header `Retry-After`. The service does not use the header's other form, a date."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
