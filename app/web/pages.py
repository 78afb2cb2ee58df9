"""The pages: shells whose scripts get what they show from the REST API, and reports, which Python renders."""

from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from app.api.dependencies import ServicesDep
from app.api.models import EntityId
from app.web.assets import assets, assets_path
from models.baselines import ALL_BASELINES, BASELINES
from models.data.dataset import State
from models.evaluation import EvaluationReport
from models.report import comparison_body, report_body

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_ASSETS = assets_path()
_TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")

_HEADERS = {
    # Nothing but this server's own scripts, styles and fonts; nothing inline; in nobody's frame.
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
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def add_pages(app: FastAPI) -> None:
    """Serve the pages and their assets."""
    app.include_router(router)
    app.mount(_ASSETS, assets(), name="assets")


@router.get("/")
async def show_onboarding(request: Request) -> HTMLResponse:
    """What a new visitor sees: items to rate, and the recommendations that follow."""
    return _page(request, "onboarding.html")


@router.get("/models")
async def show_models(request: Request) -> HTMLResponse:
    """The model versions."""
    return _page(request, "models.html")


@router.get("/evaluations")
async def show_evaluations(request: Request) -> HTMLResponse:
    """All evaluations, and a form to start one."""
    return _page(
        request,
        "evaluations.html",
        states=[state.label for state in State],
        baselines=[baseline.name for baseline in ALL_BASELINES],
        quick_baselines=[baseline.name for baseline in BASELINES],
    )


@router.get("/evaluations/compare")
async def show_comparison(
    request: Request, services: ServicesDep, one: Annotated[EntityId, Query()], other: Annotated[EntityId, Query()]
) -> HTMLResponse:
    """Two evaluations side by side."""
    first = EvaluationReport.model_validate(await services.evaluations.report(one))
    second = EvaluationReport.model_validate(await services.evaluations.report(other))
    body = await to_thread.run_sync(comparison_body, first, second)
    return _page(request, "comparison.html", reports=(first, second), body=body)


@router.get("/evaluations/{evaluation_id}")
async def show_report(evaluation_id: EntityId, request: Request, services: ServicesDep) -> HTMLResponse:
    """An evaluation's report."""
    report = EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))
    body = await to_thread.run_sync(report_body, report)
    return _page(request, "report.html", report=report, evaluation_id=evaluation_id, body=body)


def _page(request: Request, template: str, **context: Any) -> HTMLResponse:  # noqa: ANN401 - what the template needs
    return _TEMPLATES.TemplateResponse(request, template, {"assets": _ASSETS, **context}, headers=_HEADERS)
