"""Shows problems as pages. A wrong address in a browser shows a page instead of JSON."""

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import MEDIA_TYPE, Problem
from app.web.page import page

_OF_THE_BODY = {"content-type", "content-length"}


class ErrorPages:
    """Replaces problems by pages in answers to requests that prefer HTML, as a browser does that opens an address.

    Scripts and API clients accept anything or JSON, and get problems. Status and headers stay.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not prefers_html(Headers(scope=scope).get("accept", "")):
            await self._app(scope, receive, send)
            return
        headers: Headers | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal headers, body
            if message["type"] == "http.response.start":
                given = Headers(raw=message["headers"])
                headers = given if given.get("content-type") == MEDIA_TYPE else None
            if headers is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    shown = _error_page(Request(scope), Problem.model_validate_json(body), headers)
                    await shown(scope, receive, send)

        await self._app(scope, receive, send_page)


def prefers_html(accept: str) -> bool:
    """Whether the header `Accept` names HTML, and names JSON with a lower quality or not at all."""
    if "html" not in accept.lower():  # almost all requests
        return False
    qualities = {"text/html": 0.0, "application/json": 0.0, MEDIA_TYPE: 0.0}
    for part in accept.lower().split(","):
        media_type, *parameters = (each.strip() for each in part.split(";"))
        given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if media_type in qualities:
            qualities[media_type] = _number(given)
    return qualities.pop("text/html") > max(qualities.values())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _error_page(request: Request, problem: Problem, headers: Headers) -> HTMLResponse:
    shown = page(request, "error.html", problem=problem)
    shown.status_code = problem.status
    shown.headers.update({name: value for name, value in headers.items() if name not in _OF_THE_BODY})
    return shown
