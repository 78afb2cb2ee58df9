from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """Traces are the same over every kind of database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Collects spans; OpenTelemetry takes one provider a process, so it is there for good, but at rest afterwards."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


async def test_a_request_is_one_trace_with_its_phases(
    exporter: InMemorySpanExporter, client: httpx.AsyncClient
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await client.post(
        "/v1/users/ada/ratings",
        json={"ratings": [{"item_id": "i1", "rating": 5}]},
        headers={"traceparent": parent, "X-Request-ID": "proxy-1"},
    )

    spans = {span.name: span for span in exporter.get_finished_spans()}
    request = spans["POST /v1/users/{user_id}/ratings"]
    assert trace.format_trace_id(request.context.trace_id) == parent.split("-")[1]
    assert request.attributes is not None
    assert request.attributes["http.request.header.x-request-id"] == ("proxy-1",)
    for phase in ("read", "store", "rank"):
        assert spans[phase].parent is not None
        assert spans[phase].parent.span_id == request.context.span_id
