"""Scripts, styles and fonts: compressed, and cached forever under a URL that changes with their content."""

import hashlib
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.reports import stylesheet

_DIRECTORY = Path(__file__).parent / "static"
_COMPRESSED_FROM_BYTES = 500


def assets_path() -> str:
    """The path of the assets. It has one digest of all files, so that relative imports between scripts work."""
    digest = hashlib.sha256(stylesheet().encode())
    for file in sorted(file for file in _DIRECTORY.rglob("*") if file.is_file()):
        digest.update(str(file.relative_to(_DIRECTORY)).encode() + b"\0" + file.read_bytes())
    return f"/assets/{digest.hexdigest()[:16]}"


def assets() -> ASGIApp:
    """The application that serves the assets, the reports' style sheet among them."""
    files = Router(  # not an application of its own, which would answer errors without problems
        routes=[
            Route("/report.css", _report_stylesheet),
            Mount("/", StaticFiles(directory=_DIRECTORY)),
        ]
    )
    return compressed_and_cached(files)


def compressed_and_cached(files: ASGIApp) -> ASGIApp:
    """An application whose files are compressed and cached forever: the content of a URL never changes."""
    return GZipMiddleware(_CachedForGood(files), minimum_size=_COMPRESSED_FROM_BYTES)


async def _report_stylesheet(_request: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")


class _CachedForGood:
    """Lets browsers cache the files forever."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_cached(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                MutableHeaders(scope=message)["Cache-Control"] = "public, max-age=31536000, immutable"
            await send(message)

        await self._app(scope, receive, send_cached)
