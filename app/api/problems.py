"""Errors as problem details (RFC 9457): the form of every answer with status 400 or higher."""

import inspect
import logging
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.exceptions import HTTPException

from app.api.body_fields import fields_at, path_in_body, tags_at
from app.errors import (
    BodyTooLargeError,
    DatabaseUnavailableError,
    FieldError,
    ForeignOriginError,
    HostNotAllowedError,
    InvalidKeyError,
    InvalidRequestError,
    KeyScopeError,
    MissingKeyError,
    RateLimitedError,
    ServiceError,
    UnsupportedMediaTypeError,
)
from app.observability import request_id
from app.suggestions import suggestion

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

MAX_ERRORS = 50
"""The most wrong fields that an answer names."""

_MAX_TEXT = 500
_SCHEMAS = "#/components/schemas/"
_OF_EVERY_ROUTE: Sequence[type[ServiceError]] = (
    MissingKeyError,
    InvalidKeyError,
    KeyScopeError,
    HostNotAllowedError,
    ForeignOriginError,
    RateLimitedError,
    DatabaseUnavailableError,
)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]  # null, which an answer never has


class WrongField(BaseModel):
    """A field of the request that is wrong."""

    field: str = Field(description="Where it is, such as `ratings.2.rating`.")
    reason: str = Field(description="What is wrong with the field.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="Names the kind of problem; it never changes.")
    title: str = Field(description="The kind of problem for people.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    instance: str | SkipJsonSchema[None] = Field(
        default=None,
        description="Names the request, by its `X-Request-ID`.",
        json_schema_extra=_without_default,
    )
    errors: list[WrongField] = Field(default=[], description="The wrong fields, if the request is to blame.")


_WRONG_FIELDS = [WrongField(field="ratings.2.rating", reason="must be on the scale from 1 to 5 in steps of 1")]


def problem_responses(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that needs a key: the errors that it may answer with.

    Errors that every such route may answer with are added.
    """
    by_status: dict[HTTPStatus, list[type[ServiceError]]] = {}
    for error in (*errors, *_OF_EVERY_ROUTE):
        by_status.setdefault(error.status, []).append(error)
    return {int(status): declared_problem(*own) for status, own in by_status.items()}


def declared_problem(*errors: type[ServiceError]) -> dict[str, Any]:
    """The description of an answer with one of these errors in the OpenAPI document. They share a status."""
    declared: dict[str, Any] = {
        "description": "; ".join(error.title for error in errors),
        "content": {
            MEDIA_TYPE: {
                "schema": _one_of(errors),
                "examples": {error.code: {"summary": error.title, "value": _example(error)} for error in errors},
            }
        },
    }
    headers = {}
    if any(error.retry_after_seconds is not None for error in errors):
        headers["Retry-After"] = {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
    if errors[0].status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"description": "How to authenticate.", "schema": {"type": "string"}}
    return declared | ({"headers": headers} if headers else {})


def problem_schemas() -> dict[str, Any]:
    """The schemas of problems, by name: one for each kind, which declared problems refer to, and one for all kinds."""
    schema = Problem.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    kinds = {_name(error): _schema(error, schema) for error in _kinds(ServiceError)}
    return {**schema.pop("$defs"), Problem.__name__: schema, **kinds}


def _kinds(base: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from _kinds(error)


def _name(error: type[ServiceError]) -> str:
    return f"{error.__name__.removesuffix('Error')}Problem"


def _schema(error: type[ServiceError], problem: dict[str, Any]) -> dict[str, Any]:
    """The schema of one kind of problem: that of all problems, with the kind's own type and status.

    It is written out. Few generators of clients can merge two schemas that both describe a field.
    """
    own = {"type": {"const": _type(error.code)}, "status": {"const": int(error.status)}}
    return {
        "title": _name(error),
        "description": (inspect.getdoc(error) or error.title).partition("\n")[0],
        "type": "object",
        "properties": {name: field | own.get(name, {}) for name, field in problem["properties"].items()},
        "required": [*problem["required"], "errors"],
    }


def _one_of(errors: Sequence[type[ServiceError]]) -> dict[str, Any]:
    references = {_type(error.code): f"{_SCHEMAS}{_name(error)}" for error in errors}
    if len(references) == 1:
        return {"$ref": references.popitem()[1]}
    return {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    app.exception_handler(ServiceError)(_on_service_error)
    app.exception_handler(RequestValidationError)(_on_validation_error)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(Exception)(_on_unexpected_error)


def problem_response(error: ServiceError) -> JSONResponse:
    """The answer for an error."""
    response = _problem(error.status, error.code, error.title, error.detail, error.errors)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "APIKey"  # RFC 9110 asks for one, and none is registered for keys
    return response


async def _on_service_error(_request: Request, error: ServiceError) -> JSONResponse:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.retry_after_seconds is None:
        logger.warning("%s: %s", error.code, error.detail)  # batches log the cause without a request id
    return problem_response(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    if isinstance(error.body, bytes) and error.body:  # FastAPI decodes no body but JSON
        other = request.scope["route"].openapi_extra or {}
        expected = ["application/json", *other.get("requestBody", {}).get("content", ())]
        return problem_response(UnsupportedMediaTypeError(request.headers.get("content-type"), expected=expected))
    body = getattr(request.scope["route"], "body_field", None)
    of_body = None if body is None else body.field_info.annotation
    return problem_response(
        InvalidRequestError(
            [
                _field_error(each, of_body if number < MAX_ERRORS else None)  # the others are only counted
                for number, each in enumerate(error.errors())
            ]
        )
    )


async def _on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """Errors of FastAPI and Starlette, such as unknown paths and methods."""
    status = HTTPStatus(error.status_code)
    if status == BodyTooLargeError.status:
        return problem_response(BodyTooLargeError(error.detail))
    if status == HTTPStatus.BAD_REQUEST:  # FastAPI's, for bytes that are not JSON
        return problem_response(InvalidRequestError([FieldError("body", "cannot be read as JSON")]))
    allowed = ", ".join(_methods(request)) if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    response = _problem(status, status.name.lower().replace("_", "-"), status.phrase, _detail(request, error, allowed))
    response.headers.update(error.headers or {})
    if allowed:
        response.headers["Allow"] = allowed
    return response


def _detail(request: Request, error: HTTPException, allowed: str) -> str:
    if error.detail == HTTPStatus(error.status_code).phrase:  # Starlette's, which says no more than the title
        if error.status_code == HTTPStatus.NOT_FOUND:
            return f"There is nothing at {request.url.path}."
        if allowed:
            return f"{request.url.path} has {allowed}, but no {request.method}."
    return error.detail


def _methods(request: Request) -> list[str]:
    """All methods of a request's path. Starlette knows only those of the first route that matches."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = (route for route in iter_route_contexts(request.app.routes) if route.path == path)
    methods = {method for route in routes for method in route.methods or ()} or {"GET"}  # files have no route
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _on_unexpected_error(_request: Request, _error: Exception) -> JSONResponse:
    """An error of the service itself. Starlette raises it again after this answer, so that the server logs it."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    response = _problem(status, "internal-error", status.phrase, "Something unexpected went wrong.")
    response.headers["X-Request-ID"] = request_id.current.get() or ""  # `RequestTracking` does not see this answer
    return response


def _problem(status: HTTPStatus, code: str, title: str, detail: str, errors: Sequence[FieldError] = ()) -> JSONResponse:
    problem = Problem(
        type=_type(code),
        title=title,
        status=status,
        detail=presentable(detail),
        instance=None if (current := request_id.current.get()) is None else f"urn:coldstart:request:{current}",
        errors=[
            WrongField(field=presentable(error.field), reason=presentable(error.reason))
            for error in errors[:MAX_ERRORS]
        ],
    )
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE)


def _type(code: str) -> str:
    return f"urn:coldstart:problem:{code}"


def _example(error: type[ServiceError]) -> dict[str, Any]:
    example = Problem(
        type=_type(error.code),
        title=error.title,
        status=error.status,
        detail=(inspect.getdoc(error) or error.title).partition("\n")[0],
        instance="urn:coldstart:request:5f0c6a1e9b7d4c2f8a3e6d1b0c9f8e7a",
        errors=_WRONG_FIELDS if error is InvalidRequestError else [],
    )
    return example.model_dump(mode="json")


def presentable(text: str) -> str:
    """The text, cut short and encodable, because names in it may come from the request."""
    return text[:_MAX_TEXT].encode(errors="replace").decode()


def _field_error(error: dict[str, Any], body: Any) -> FieldError:  # noqa: ANN401 - any type
    """One of Pydantic's errors, without the input, which may be secret or not valid in JSON.

    Args:
        error: The error.
        body: The type of the request's body.
    """
    source, *location = error["loc"]
    if error["type"] == "json_invalid":
        return FieldError("body", f"is not JSON: {error['ctx']['error']} at character {location[0]}")
    field = ".".join(map(str, path_in_body(body, location))) or source
    if error["type"] == "extra_forbidden":
        known = fields_at(body, location[:-1])
        return FieldError(field, f"is not a field of this request; {suggestion(str(location[-1]), known)}")
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        of_tag = f"{field}.{error['ctx']['discriminator'].strip(chr(39))}"
        return FieldError(of_tag, f"is missing or unknown; known are: {', '.join(tags_at(body, location))}")
    return FieldError(field, error["msg"].removeprefix("Value error, "))
