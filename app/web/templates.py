"""Renders pages from the templates beside this module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

_TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")


def render(request: Request, template: str, *, headers: Mapping[str, str], **context: Any) -> HTMLResponse:  # noqa: ANN401
    """A page from a template and what the template needs."""
    return _TEMPLATES.TemplateResponse(request, template, context, headers=dict(headers))
