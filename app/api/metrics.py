"""Metrics for Prometheus. They are for operators, and so not part of the documented API."""

from anyio import to_thread
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.dependencies import ServicesDep
from app.observability.metrics import exposition

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def get_metrics(services: ServicesDep) -> Response:
    """All metrics; gauges are updated first."""
    await services.health.measure()
    return Response(await to_thread.run_sync(exposition), media_type=CONTENT_TYPE_LATEST)
