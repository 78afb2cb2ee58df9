"""Errors as problem details (RFC 9457): every answer with a status from 400 on has this form."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.errors import BodyTooLargeError, FieldError, InvalidRequestError, ServiceError
from app.observability import request_id

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_MAX_ERRORS = 50
_MAX_TEXT = 500
_PROBLEM_CONTENT = {"schema": {"$ref": "#/components/schemas/Problem"}}


class WrongField(BaseModel):
    """A field of the request that is wrong."""

    field: str = Field(description="Where it is, such as `ratings.2.rating`.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="Names the kind of problem; it never changes.")
    title: str = Field(description="The kind of problem for people.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    instance: str | None = Field(default=None, description="Names the request, by its `X-Request-ID`.")
    errors: list[WrongField] = Field(default=[], description="The wrong fields, if the request is to blame.")


def problem_responses(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """What a route declares as `responses=` about the errors that it may answer with."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        described = responses.setdefault(error.status, {"model": Problem, "description": ""})
        described["description"] = "; ".join(filter(None, (described["description"], error.title)))
        if error.retry_after_seconds is not None:
            described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return responses


class DocumentedAPI(FastAPI):
    """FastAPI, except that its OpenAPI document gives problems their own media type."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path in document["paths"].values():
                for operation in path.values():
                    for response in operation["responses"].values():
                        content = response.get("content", {})
                        # FastAPI gives them that of the route's good answers.
                        for media_type in [name for name, own in content.items() if own == _PROBLEM_CONTENT]:
                            content[MEDIA_TYPE] = content.pop(media_type)
        return super().openapi()


def add_problem_handlers(app: FastAPI) -> None:
    """Have every error of the app answered as a problem."""
    app.exception_handler(ServiceError)(_on_service_error)
    app.exception_handler(RequestValidationError)(_on_validation_error)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(Exception)(_on_unexpected_error)


def problem_response(error: ServiceError) -> JSONResponse:
    """The answer that tells of an error."""
    response = _problem(error.status, error.code, error.title, error.detail, error.errors)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "APIKey"  # RFC 9110 asks for one, and none is registered for keys
    return response


async def _on_service_error(_request: Request, error: ServiceError) -> JSONResponse:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.retry_after_seconds is None:
        logger.warning("%s: %s", error.code, error.detail)  # what batches log of the cause names no request
    return problem_response(error)


async def _on_validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
    return problem_response(InvalidRequestError([_field_error(each) for each in error.errors()]))


async def _on_http_exception(_request: Request, error: HTTPException) -> JSONResponse:
    """What FastAPI and Starlette refuse by themselves, such as unknown paths and methods."""
    status = HTTPStatus(error.status_code)
    if status == BodyTooLargeError.status:
        return problem_response(BodyTooLargeError(error.detail))
    response = _problem(status, status.name.lower().replace("_", "-"), status.phrase, error.detail)
    response.headers.update(error.headers or {})
    return response


async def _on_unexpected_error(_request: Request, _error: Exception) -> JSONResponse:
    """A fault of the service. Starlette raises it again behind this answer, so that the server logs it."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    response = _problem(status, "internal-error", status.phrase, "Something unexpected went wrong.")
    response.headers["X-Request-ID"] = request_id.current.get() or ""  # `Observation` does not see this answer
    return response


def _problem(status: HTTPStatus, code: str, title: str, detail: str, errors: Sequence[FieldError] = ()) -> JSONResponse:
    problem = Problem(
        type=f"urn:coldstart:problem:{code}",
        title=title,
        status=status,
        detail=presentable(detail),
        instance=None if (current := request_id.current.get()) is None else f"urn:coldstart:request:{current}",
        errors=[
            WrongField(field=presentable(error.field), reason=presentable(error.reason))
            for error in errors[:_MAX_ERRORS]
        ],
    )
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE)


def presentable(text: str) -> str:
    """The text, cut short and encodable: names in it may come from the request."""
    return text[:_MAX_TEXT].encode(errors="replace").decode()


def _field_error(error: dict[str, Any]) -> FieldError:
    """One of Pydantic's errors, without the input: it may be secret, and need not be valid JSON again."""
    source, *path = error["loc"]
    if error["type"] == "json_invalid":
        return FieldError("body", f"is not JSON: {error['ctx']['error']} at character {path[0]}")
    return FieldError(".".join(map(str, path)) or source, error["msg"].removeprefix("Value error, "))
