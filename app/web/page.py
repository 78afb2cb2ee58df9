"""A page: a template with what all pages need, and their headers."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.services.container import Services
from app.web.assets import assets_path
from app.web.templates import render

ASSETS = assets_path()

_HEADERS = {
    # Only this server's scripts, styles and fonts; nothing inline; no frames.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cache-Control": "no-cache",
}


def page(request: Request, template: str, **context: Any) -> HTMLResponse:  # noqa: ANN401 - what the template needs
    """The page from a template and what the template needs."""
    services: Services = request.app.state.services
    shared = {"assets": ASSETS, "keys_required": services.api_keys.required}
    return render(request, template, headers=_HEADERS, **shared, **context)
