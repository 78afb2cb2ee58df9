"""Tracks every request: its id, duration and status, for metrics and the log."""

import logging
from functools import cache
from time import perf_counter
from typing import Any

from opentelemetry import trace
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability import request_id
from app.observability.metrics import IN_PROGRESS, REQUEST_SECONDS, REQUESTS

logger = logging.getLogger(__name__)

_HEADER = b"x-request-id"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class RequestTracking:
    """The outermost middleware: gives each request an id, and counts and times it.

    The id is the client's `X-Request-ID` if that is valid, and the answer has it in the same header. It stays set after
    the answer, because unexpected errors are answered and logged outside this middleware. A server handles each request
    in its own context.

    Args:
        app: The application.
        logs_requests: Whether to log each request.
    """

    def __init__(self, app: ASGIApp, *, logs_requests: bool) -> None:
        self._app = app
        self._logs_requests = logs_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), None)
        own_id = request_id.accepted(given)
        request_id.current.set(own_id)
        trace.get_current_span().set_attribute("http.request.header.x-request-id", [own_id])
        status = 500  # Starlette answers an unexpected error outside this middleware

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_HEADER, own_id.encode())]
            await send(message)

        started = perf_counter()
        IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            IN_PROGRESS.dec()
            self._note(scope, status, perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _template(scope.get("route"))
        requests, request_seconds = _metrics(method, route, status)
        requests.inc()
        request_seconds.observe(seconds)
        if self._logs_requests:
            logger.info(
                "%s %s: %d",
                method,
                route,
                status,
                extra={"method": method, "route": route, "status": status, "seconds": round(seconds, 6)},
            )


@cache  # finding them by their labels takes longer than counting
def _metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), REQUEST_SECONDS.labels(method, route)


def _template(route: Any) -> str:  # noqa: ANN401 - Starlette's, FastAPI's, or None
    """A route's path template, without ids; "none" for paths without a route."""
    return getattr(route, "path", "none")
