"""Creates the ASGI application from its settings."""

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from app.api import (
    answers,
    audiences,
    candidates,
    click_rates,
    evaluations,
    events,
    health,
    interactions,
    item_lists,
    items,
    list_explanations,
    list_exports,
    metrics,
    model_traffic,
    model_versions,
    overview,
    questions,
    rankings,
    ratings,
    recommendations,
    record_streams,
    scenarios,
    schema,
    similar_items,
    skips,
    tastes,
    trainings,
    user_merge,
    users,
)
from app.api.body_limit import BodyLimit
from app.api.head_requests import HeadRequests
from app.api.openapi import DESCRIPTION, TAGS, DocumentedAPI
from app.api.path_ids import EncodedPaths
from app.api.problems import add_problem_handlers
from app.api.query_parameters import KNOWN_PARAMETERS
from app.api.request_origin import RequestOrigin
from app.api.request_tracking import RequestTracking
from app.api.security_headers import SecurityHeaders
from app.observability.logs import configure_logging
from app.observability.tracing import FASTAPI_TELEMETRY
from app.services.container import open_services
from app.settings import Settings, read_settings
from app.start_failure import StartFailure
from app.web.error_pages import ErrorPages
from app.web.pages import add_pages
from models.training.threads import compute_in_one_thread

_RESOURCES = (
    recommendations,  # routes are tried in this order, so the most frequent come first
    ratings,
    interactions,
    answers,
    candidates,
    questions,
    tastes,
    rankings,
    similar_items,
    audiences,
    list_explanations,
    record_streams,  # before `users` and `items`, with which it shares paths
    user_merge,  # before `users`, whose paths match its own
    users,
    skips,
    items,
    item_lists,
    schema,
    evaluations,
    trainings,
    list_exports,
    model_versions,
    model_traffic,
    events,
    scenarios,
    click_rates,
    overview,
)


def create_app(settings: Settings, *, model_dir: Path | None = None) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: Of the service.
        model_dir: An artifact to activate at the start, even if another version is active.

    At its start it migrates the database and loads the active model. Start-up fails with ArtifactError if the artifact
    cannot be used, with DatabaseUnavailableError if there is no database, and with KeyManagementError if keys are
    required and there is none. It does not fail if the active version has the artifact format of another release.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        compute_in_one_thread()
        async with open_services(settings, with_worker=settings.run_worker) as services:
            await services.api_keys.require_any()
            await services.model_versions.start_serving(model_dir or settings.model_dir, activate=model_dir is not None)
            app.state.services = services
            async with services.model_refresher.running():
                with _unwatched_by_the_garbage_collector():
                    yield

    app = DocumentedAPI(
        title="Cold-start recommender",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # `app.web.documentation` has these pages, without a CDN
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        telemetry=FASTAPI_TELEMETRY,
    )
    app.add_middleware(EncodedPaths)  # the innermost
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(
        RequestOrigin,
        keys_required=not settings.allow_anonymous,
        allowed_hosts=settings.allowed_hosts,
        cors_origins=settings.cors_origins,
    )
    app.add_middleware(ErrorPages)
    app.add_middleware(SecurityHeaders)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["Content-Type", "X-API-Key"],
            expose_headers=["Location", "Retry-After", "Server-Timing", "X-Request-ID"],
        )
    app.add_middleware(HeadRequests)
    app.add_middleware(RequestTracking, logs_requests=settings.access_log)  # the outermost of those for requests
    app.add_middleware(StartFailure)
    add_problem_handlers(app)
    for resource in (*_RESOURCES, health, metrics):
        app.include_router(resource.router, dependencies=[KNOWN_PARAMETERS])
    add_pages(app)
    return app


def create_app_from_env() -> FastAPI:
    """The service with the settings of the environment, for `uvicorn --factory app.main:create_app_from_env`."""
    settings = read_settings()
    configure_logging(settings.log_format)
    return create_app(settings)


@contextmanager
def _unwatched_by_the_garbage_collector() -> Iterator[None]:
    """Exclude all present objects from garbage collection until the block ends.

    There are hundreds of thousands of them, most of them of libraries, and they stay. A full collection would walk
    through them for about 100 ms while all requests wait. These pauses made up the service's longest answers.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _operation_id(route: APIRoute) -> str:
    return route.name
