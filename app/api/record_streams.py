"""Streams of items and users in one request: `POST /v1/items:batch` and `POST /v1/users:batch` with an NDJSON body."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Self, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect

from app.api.authorisation import ADMIN, WRITE
from app.api.dependencies import ServicesDep
from app.api.ndjson import NdjsonRoute, numbered_lines
from app.api.problems import presentable
from app.api.ranking_route import CLIENT_CLOSED_REQUEST
from app.api.schemas import BatchItemRequest, BatchUserRequest, ResponseModel
from app.errors import FieldError
from app.services.record_stream import GivenLine, LineError, RecordT, StreamReport
from app.suggestions import suggestion

router = APIRouter(prefix="/v1", route_class=NdjsonRoute)

_LONGEST_LINE = 1024 * 1024

RequestT = TypeVar("RequestT", bound=BaseModel)


class LineErrorResponse(ResponseModel):
    """A field of a line that is wrong."""

    line: int = Field(description="The line's number, from 1.", examples=[2])
    field: str = Field(
        description="The field, such as `attributes.year`; `line` stands for the whole line.",
        examples=["attributes.year"],
    )
    reason: str = Field(description="What is wrong with the field.", examples=["must be a finite number"])


class ItemLineErrorResponse(LineErrorResponse):
    """A field of an item's line that is wrong."""

    item_id: str | None = Field(description="The item's id, if it could be read.", examples=["50"])

    @classmethod
    def of(cls, error: LineError) -> Self:
        """The answer about an error."""
        return cls(item_id=error.record_id, **_presentable(error))


class UserLineErrorResponse(LineErrorResponse):
    """A field of a user's line that is wrong."""

    user_id: str | None = Field(description="The user's id, if it could be read.", examples=["ada"])

    @classmethod
    def of(cls, error: LineError) -> Self:
        """The answer about an error."""
        return cls(user_id=error.record_id, **_presentable(error))


class StreamResponse(ResponseModel):
    """The result of a stream: each line was created, updated, unchanged or rejected."""

    lines: int = Field(description="Lines that are not empty.", examples=[3])
    created: int = Field(description="Lines that were new.", examples=[1])
    updated: int = Field(description="Lines that were different from what was stored.", examples=[1])
    unchanged: int = Field(description="Lines that were the same as what was stored.", examples=[0])
    rejected: int = Field(description="Lines that were not stored.", examples=[1])
    error_count: int = Field(description="Number of wrong fields in all rejected lines.", examples=[1])


class ItemStreamResponse(StreamResponse):
    """The result of a stream of items: each line was created, updated, unchanged or rejected."""

    errors: Annotated[list[ItemLineErrorResponse], Field(description="The first 100 of them.")]

    @classmethod
    def of(cls, report: StreamReport) -> Self:
        """The answer about a stream."""
        return cls(**_counts(report), errors=[ItemLineErrorResponse.of(error) for error in report.errors])


class UserStreamResponse(StreamResponse):
    """The result of a stream of users: each line was created, updated, unchanged or rejected."""

    errors: Annotated[list[UserLineErrorResponse], Field(description="The first 100 of them.")]

    @classmethod
    def of(cls, report: StreamReport) -> Self:
        """The answer about a stream."""
        return cls(**_counts(report), errors=[UserLineErrorResponse.of(error) for error in report.errors])


@router.post("/items:batch", dependencies=[ADMIN], include_in_schema=False, response_model=None)
async def put_item_stream(request: Request, services: ServicesDep) -> ItemStreamResponse | Response:
    """Create or replace any number of items, one a line. It is documented with `put_items`, which has the same path."""
    try:
        lines = _given(request, BatchItemRequest, BatchItemRequest.record)
        return ItemStreamResponse.of(await services.item_stream.put(lines))
    except ClientDisconnect:  # the chunks before stay stored
        return Response(status_code=CLIENT_CLOSED_REQUEST)


@router.post("/users:batch", dependencies=[WRITE], include_in_schema=False, response_model=None)
async def put_user_stream(request: Request, services: ServicesDep) -> UserStreamResponse | Response:
    """Create or change any number of users, one a line. It is documented with `put_users`, which has the same path."""
    try:
        lines = _given(request, BatchUserRequest, BatchUserRequest.record)
        return UserStreamResponse.of(await services.user_stream.put(lines))
    except ClientDisconnect:  # the chunks before stay stored
        return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _given(
    request: Request, model: type[RequestT], record: Callable[[RequestT], RecordT]
) -> AsyncIterator[GivenLine[RecordT]]:
    """The lines of a request.

    Args:
        request: Its body is read while the lines are taken.
        model: What each line must be.
        record: Makes a record of a valid line.
    """
    async for number, line in numbered_lines(request.stream(), longest=_LONGEST_LINE):
        if len(line) > _LONGEST_LINE:
            too_long = FieldError("line", f"is longer than {_LONGEST_LINE} bytes")
            yield GivenLine(number, len(line), None, [too_long])
            continue
        try:
            given = model.model_validate_json(line)
        except ValidationError as error:
            yield GivenLine(number, len(line), None, [_fault(each, model) for each in error.errors()])
        else:
            yield GivenLine(number, len(line), record(given))


def _fault(error: ErrorDetails, model: type[BaseModel]) -> FieldError:
    """One of Pydantic's errors, without the input."""
    if error["type"] == "extra_forbidden":
        reason = f"is not a field of this line; {suggestion(str(error['loc'][-1]), list(model.model_fields))}"
    else:
        reason = error["msg"].removeprefix("Value error, ").replace(" at line 1 column ", " at column ")
    return FieldError(".".join(map(str, error["loc"])) or "line", reason)


def _presentable(error: LineError) -> dict[str, Any]:
    """What all errors have. Names may come from the line, so they are cut short."""
    return {"line": error.line, "field": presentable(error.field), "reason": presentable(error.reason)}


def _counts(report: StreamReport) -> dict[str, int]:
    return {name: getattr(report, name) for name in StreamResponse.model_fields}
