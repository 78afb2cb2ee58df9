import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.settings import Settings
from tests.integration.running import server


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone, because traces do not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Collects spans. A process has only one tracer provider, so the exporter stays; it is shut down after the test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    exporter.shutdown()


async def test_request_makes_one_trace_with_its_phases(
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


class Collector(BaseHTTPRequestHandler):
    """Receives spans over OTLP.

    Attributes:
        names: Pairs of a service and the name of one of its spans.
        received: Set once a span of the tested route has arrived.
    """

    names: ClassVar[set[tuple[str, str]]] = set()
    received = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            names = [span.name for scope in resource.scope_spans for span in scope.spans]
            self.names.update((attributes["service.name"], name) for name in names)
        if any("/v1/candidates" in name for _, name in self.names):
            self.received.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing."""


def test_traces_with_an_otlp_endpoint_are_exported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # milliseconds
        with server(settings) as (_, address):
            httpx.get(f"{address}/v1/candidates")
            arrived = Collector.received.wait(timeout=60)
        collector.shutdown()

    assert arrived
    assert ("shop", "GET /v1/candidates") in Collector.names
