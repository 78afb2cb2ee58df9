"""NDJSON bodies: one JSON text a line, read as they arrive."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Any

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

MEDIA_TYPE = "application/x-ndjson"
_MEDIA_TYPES = {MEDIA_TYPE, "application/ndjson", "application/jsonl"}


class NdjsonRoute(APIRoute):
    """A route that accepts only NDJSON, so that another route with the same path can accept JSON.

    It reads its body in parts, so the limit to the length of bodies does not apply.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route."""
        return super().matches(scope) if is_ndjson(scope) else (Match.NONE, {})


def is_ndjson(scope: Scope) -> bool:
    """Whether a request's content type is one of NDJSON's names."""
    if scope["type"] != "http":
        return False
    media_type, _, _ = Headers(scope=scope).get("content-type", "").partition(";")
    return media_type.strip().lower() in _MEDIA_TYPES


def ndjson_body(description: str, *, example: str) -> dict[str, Any]:
    """An NDJSON body, for a route's `openapi_extra`."""
    content = {"schema": {"type": "string", "description": description}, "example": example}
    return {"requestBody": {"content": {MEDIA_TYPE: content}}}


async def numbered_lines(chunks: AsyncIterator[bytes], *, longest: int) -> AsyncIterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1. Empty lines are counted and left out, and so is a byte order mark.

    Args:
        chunks: The body, cut anywhere.
        longest: Longer lines are cut to `longest` + 1 bytes, so that the caller can tell that they are too long.
    """
    number, line = 1, bytearray()
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line += end[: longest + 1]
            if content := _content(number, line):
                yield number, content
            number += 1
            line.clear()
        if len(line) <= longest:
            line += rest
    if content := _content(number, line):
        yield number, content


def _content(number: int, line: bytearray) -> bytes:
    """A line without the byte order mark that the first one may have; nothing if it is empty."""
    content = bytes(line.removeprefix(BOM_UTF8) if number == 1 else line)
    return content if content.strip() else b""
