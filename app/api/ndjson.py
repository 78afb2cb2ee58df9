"""Bodies of one JSON text a line (NDJSON), read as they arrive."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

MEDIA_TYPE = "application/x-ndjson"
_MEDIA_TYPES = {MEDIA_TYPE, "application/ndjson", "application/jsonl"}


class NdjsonRoute(APIRoute):
    """A route that takes only NDJSON, so that another one of the same path can take JSON.

    It reads its body itself, bit by bit, and so the limit to the length of bodies does not apply to it.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route."""
        return super().matches(scope) if is_ndjson(scope) else (Match.NONE, {})


def is_ndjson(scope: Scope) -> bool:
    """Whether a request says that its body is NDJSON, by one of the names that are in use."""
    if scope["type"] != "http":
        return False
    media_type, _, _ = Headers(scope=scope).get("content-type", "").partition(";")
    return media_type.strip().lower() in _MEDIA_TYPES


def ndjson_body(description: str, *, example: str) -> dict[str, Any]:
    """What a route's `openapi_extra` says of such a body."""
    content = {"schema": {"type": "string", "description": description}, "example": example}
    return {"requestBody": {"content": {MEDIA_TYPE: content}}}


async def numbered_lines(chunks: AsyncIterator[bytes], *, longest: int) -> AsyncIterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1; empty ones have numbers too, but are left out.

    Args:
        chunks: The body, cut anywhere.
        longest: Of a line that has more bytes there is no more than its beginning, which has more than so many too.
    """
    number, line = 1, bytearray()
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line += end[: longest + 1]
            if line.strip():
                yield number, bytes(line)
            number += 1
            line.clear()
        if len(line) <= longest:
            line += rest
    if line.strip():
        yield number, bytes(line)
