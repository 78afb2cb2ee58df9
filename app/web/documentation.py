"""The API's documentation, by Swagger UI at /docs and by Redoc at /redoc, without any other host.

The scripts come with the package fastapi-offline. Its own pages are not used: they start the scripts inline, which
would take a weaker policy.
"""

from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.web.assets import assets_path, compressed_and_cached
from app.web.templates import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SCRIPTS_PATH = f"/assets/documentation-{version('fastapi-offline')}"
_SCRIPTS = Path(str(files("fastapi_offline"))) / "static"
_ASSETS = assets_path()
_FOREIGN_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"

_HEADERS = {
    # Both scripts write style elements and draw icons that are in their code; Redoc searches in a worker of its own.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "worker-src blob:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cache-Control": "no-cache",
}


def scripts() -> ASGIApp:
    """The application that serves the scripts and styles of Swagger UI and Redoc."""
    return compressed_and_cached(
        Router(
            routes=[Route("/redoc.standalone.js", _redoc_script), Mount("/", StaticFiles(directory=_SCRIPTS))],
        )
    )


@router.get("/docs")
async def show_swagger_ui(request: Request) -> HTMLResponse:
    """The documentation in which requests can be tried."""
    return render(request, "swagger-ui.html", headers=_HEADERS, assets=_ASSETS, scripts=SCRIPTS_PATH)


@router.get("/redoc")
async def show_redoc(request: Request) -> HTMLResponse:
    """The documentation for reading."""
    return render(request, "redoc.html", headers=_HEADERS, assets=_ASSETS, scripts=SCRIPTS_PATH)


async def _redoc_script(_request: StarletteRequest) -> Response:
    return Response(_redoc(), media_type="text/javascript")


@cache
def _redoc() -> bytes:
    """Redoc's script. It shows its maker's logo, which it would fetch from the maker's server."""
    script = (_SCRIPTS / "redoc.standalone.js").read_bytes()
    return script.replace(_FOREIGN_LOGO, f"{_ASSETS}/icon.svg".encode())
