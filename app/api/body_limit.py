"""Limits the length of request bodies."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.ndjson import MEDIA_TYPE, NdjsonRoute, is_ndjson
from app.api.problems import problem_response
from app.errors import BodyTooLargeError


class BodyLimit:
    """Refuses bodies that are too long, with or without a `Content-Length`.

    Bodies of an `NdjsonRoute` have no limit: they are never in memory as a whole.

    FastAPI's `max_body_size` would answer with plain text instead of a problem.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._error = BodyTooLargeError(
            f"The limit is {max_body_bytes} bytes; a stream of items or users ({MEDIA_TYPE}) has none."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced_length(scope) > self._max_body_bytes and not is_ndjson(scope):
            await problem_response(self._error)(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes and not isinstance(scope.get("route"), NdjsonRoute):
                # FastAPI passes on only this exception while it reads a body.
                raise HTTPException(self._error.status, self._error.detail)
            return message

        await self._app(scope, receive_within_limit, send)


def _announced_length(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0
