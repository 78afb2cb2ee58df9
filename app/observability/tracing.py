"""Traces by OpenTelemetry: FastAPI's span of each request, and below it one of each phase that the request waits for.

They are sent where OTEL_EXPORTER_OTLP_ENDPOINT says, which FastAPI reads (`pip install '.[otel]'`). Without it
nothing is recorded.
"""

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace

FASTAPI_TELEMETRY = TelemetryConfig(
    auto_configure=True,
    tracing=True,
    metrics=False,  # Prometheus has them
    logs=False,  # they would hold the messages of exceptions, unredacted
    operation_spans=False,
)

tracer = trace.get_tracer("coldstart")
