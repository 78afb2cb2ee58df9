"""The pages: most are empty pages that scripts fill from the REST API; reports are rendered here."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from app.api.authorisation import KEY_COOKIE, RequiredScope
from app.api.dependencies import ServicesDep
from app.api.path_ids import PathId
from app.api.schemas import EntityId, RequestModel
from app.errors import InvalidKeyError, MissingKeyError
from app.reports import comparison_body, report_body
from app.storage.tables import KeyScope
from app.web import documentation
from app.web.assets import assets
from app.web.page import ASSETS, page
from models.baselines import ALL_BASELINES, BASELINES
from models.data.dataset import State
from models.elicitation.strategy import Strategy
from models.evaluation import EvaluationReport
from models.training.preset import preset_names

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_may_read = RequiredScope(KeyScope.READ)


async def _signed_in(request: Request) -> None:
    """Accept only callers with a key of scope `read`; redirect others to the sign-in page."""
    try:
        await _may_read(request)
    except (MissingKeyError, InvalidKeyError):
        here = quote(f"{request.url.path}?{request.url.query}", safe="/")
        raise HTTPException(HTTPStatus.SEE_OTHER, headers={"Location": f"/sign-in?next={here}"}) from None


_SIGNED_IN = Depends(_signed_in)


def add_pages(app: FastAPI) -> None:
    """Serve the pages and their assets."""
    app.include_router(router)
    app.include_router(documentation.router)
    app.mount(ASSETS, assets(), name="assets")
    app.mount(documentation.SCRIPTS_PATH, documentation.scripts(), name="documentation")


@router.get("/")
async def show_onboarding(request: Request) -> HTMLResponse:
    """The onboarding page: items to rate, and recommendations."""
    return page(request, "onboarding.html")


@router.get("/overview")
async def show_overview(request: Request) -> HTMLResponse:
    """The start page for operators: numbers, problems, users, items, and a user's list."""
    return page(request, "overview.html")


@router.get("/scenarios")
async def show_scenarios(request: Request) -> HTMLResponse:
    """The scenarios page: their settings and clicks, and a form to change them."""
    return page(request, "scenarios.html", strategies=list(Strategy))


@router.get("/models")
async def show_models(request: Request) -> HTMLResponse:
    """The model versions page."""
    return page(request, "models.html", presets=preset_names())


@router.get("/evaluations")
async def show_evaluations(request: Request) -> HTMLResponse:
    """The evaluations page: all evaluations, and a form to start one."""
    return page(
        request,
        "evaluations.html",
        states=[state.label for state in State],
        baselines=ALL_BASELINES,
        quick_baselines=BASELINES,
    )


class SignInRequest(RequestModel):
    """The key that the browser sends from now on."""

    key: Annotated[str, Field(max_length=1000)]


@router.get("/sign-in")
async def show_sign_in(request: Request) -> HTMLResponse:
    """A form that asks for an API key."""
    return page(request, "sign-in.html", signed_in=KEY_COOKIE in request.cookies)


@router.post("/sign-in", status_code=HTTPStatus.NO_CONTENT)
async def sign_in(body: SignInRequest, request: Request, response: Response, services: ServicesDep) -> None:
    """Put a valid key into a cookie that scripts cannot read and that ends with the browser session."""
    await services.api_keys.authorise(body.key, KeyScope.READ)
    secure = request.url.scheme == "https"
    response.set_cookie(KEY_COOKIE, body.key, httponly=True, samesite="strict", secure=secure)


@router.delete("/sign-in", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(response: Response) -> None:
    """Delete the cookie with the key."""
    response.delete_cookie(KEY_COOKIE, httponly=True, samesite="strict")


@router.get("/evaluations/compare", dependencies=[_SIGNED_IN])
async def show_comparison(
    request: Request, services: ServicesDep, one: Annotated[EntityId, Query()], other: Annotated[EntityId, Query()]
) -> HTMLResponse:
    """Two evaluations side by side."""
    first = EvaluationReport.model_validate(await services.evaluations.report(one))
    second = EvaluationReport.model_validate(await services.evaluations.report(other))
    body = await to_thread.run_sync(comparison_body, first, second)
    return page(request, "comparison.html", reports=(first, second), body=body)


@router.get("/evaluations/{evaluation_id}", dependencies=[_SIGNED_IN])
async def show_report(evaluation_id: PathId, request: Request, services: ServicesDep) -> HTMLResponse:
    """An evaluation's report."""
    report = EvaluationReport.model_validate(await services.evaluations.report(evaluation_id))
    body = await to_thread.run_sync(report_body, report)
    return page(request, "report.html", report=report, evaluation_id=evaluation_id, body=body)
