"""A stream of items in one request: `POST /v1/items:batch` with an NDJSON body."""

from collections.abc import AsyncIterator
from typing import Self

from fastapi import APIRouter, Request, Response
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect

from app.api.authorisation import ADMIN
from app.api.dependencies import ServicesDep
from app.api.ndjson import NdjsonRoute, numbered_lines
from app.api.problems import presentable
from app.api.ranking_route import CLIENT_CLOSED_REQUEST
from app.api.schemas import BatchItemRequest, ResponseModel
from app.errors import FieldError
from app.services.item_stream import GivenLine, LineError, StreamReport
from app.storage.items import ItemRecord
from app.suggestions import suggestion

router = APIRouter(prefix="/v1", tags=["items"], route_class=NdjsonRoute)

_LONGEST_LINE = 1024 * 1024


class LineErrorResponse(ResponseModel):
    """A field of a line that is wrong."""

    line: int = Field(description="The line's number, from 1.", examples=[2])
    item_id: str | None = Field(description="The item's id, if it could be read.", examples=["50"])
    field: str = Field(
        description="The field, such as `attributes.year`; `line` stands for the whole line.",
        examples=["attributes.year"],
    )
    reason: str = Field(description="What is wrong with the field.", examples=["must be a finite number"])

    @classmethod
    def of(cls, error: LineError) -> Self:
        """The answer about an error. Its names may come from the line, so they are cut short."""
        return cls(
            line=error.line, item_id=error.item_id, field=presentable(error.field), reason=presentable(error.reason)
        )


class ItemStreamResponse(ResponseModel):
    """The result of a stream: each line was created, updated, unchanged or rejected."""

    lines: int = Field(description="Lines that are not empty.", examples=[3])
    created: int = Field(description="Items that were not in the catalogue.", examples=[1])
    updated: int = Field(description="Items that were different.", examples=[1])
    unchanged: int = Field(description="Items that were the same; nothing was written.", examples=[0])
    rejected: int = Field(description="Lines that were not stored.", examples=[1])
    error_count: int = Field(description="Number of wrong fields in all rejected lines.", examples=[1])
    errors: list[LineErrorResponse] = Field(description="The first 100 of them.")

    @classmethod
    def of(cls, report: StreamReport) -> Self:
        """The answer about a stream."""
        counts = {name: getattr(report, name) for name in cls.model_fields if name != "errors"}
        return cls(**counts, errors=[LineErrorResponse.of(error) for error in report.errors])


@router.post("/items:batch", dependencies=[ADMIN], include_in_schema=False, response_model=None)
async def put_item_stream(request: Request, services: ServicesDep) -> ItemStreamResponse | Response:
    """Create or replace any number of items, one a line. It is documented with `put_items`, which has the same path."""
    try:
        return ItemStreamResponse.of(await services.item_stream.put(_given(request)))
    except ClientDisconnect:  # the chunks before stay stored
        return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _given(request: Request) -> AsyncIterator[GivenLine]:
    async for number, line in numbered_lines(request.stream(), longest=_LONGEST_LINE):
        yield _read(number, line)


def _read(number: int, line: bytes) -> GivenLine:
    if len(line) > _LONGEST_LINE:
        return GivenLine(number, len(line), None, [FieldError("line", f"is longer than {_LONGEST_LINE} bytes")])
    try:
        item = BatchItemRequest.model_validate_json(line)
    except ValidationError as error:
        return GivenLine(number, len(line), None, [_fault(each) for each in error.errors()])
    return GivenLine(number, len(line), ItemRecord(item.item_id, item.title, item.attributes))


def _fault(error: ErrorDetails) -> FieldError:
    """One of Pydantic's errors, without the input."""
    if error["type"] == "extra_forbidden":
        reason = f"is not a field of an item; {suggestion(str(error['loc'][-1]), list(BatchItemRequest.model_fields))}"
    else:
        reason = error["msg"].removeprefix("Value error, ").replace(" at line 1 column ", " at column ")
    return FieldError(".".join(map(str, error["loc"])) or "line", reason)
