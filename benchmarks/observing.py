"""The cost of observing a request: an application that only answers, with and without `RequestTracking`.

Also a request through an idle `Batcher`, and its part for metrics and a span that is not exported.
A request that stores and ranks passes three batchers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.request_tracking import RequestTracking
from app.observability.metrics import BATCH_REQUESTS, PHASE_SECONDS, PHASE_WAIT_SECONDS, Phase
from app.observability.tracing import tracer
from app.services.batching import Batcher
from benchmarks.harness import Figures, Options, medians, run, table, use_one_core

_TIMES = 2000
_SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"a"), (b"accept", b"*/*")]}
_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
_ROWS = {
    "bare": "an application that only answers",
    "observed": "the same under `RequestTracking`",
    "batched": "one request through an idle `Batcher`",
    "phase": "of it, metrics and the span",
}


def measure(_options: Options) -> Figures:
    """Microseconds of a request, by name; no data set is needed."""
    use_one_core()
    seconds = medians(
        {
            "bare": _repeatedly(_requests(_answer)),
            "observed": _repeatedly(_requests(RequestTracking(_answer, logs_requests=False))),
            "batched": _batched,
            "phase": _phases,
        }
    )
    return {name: 1e6 * total / _TIMES for name, total in seconds.items()}


def section(figures: Figures, _results: Path) -> str:
    """The section of the page."""
    return table(["one request", "µs"], [[title, f"{figures[name]:.1f}"] for name, title in _ROWS.items()])


async def _answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(dict(_START))
    await send({"type": "http.response.body", "body": b""})


async def _receive() -> Message:
    return {"type": "http.request"}


async def _send(_message: Message) -> None:
    pass


def _requests(app: ASGIApp) -> Callable[[], Awaitable[None]]:
    return lambda: app(dict(_SCOPE), _receive, _send)


def _repeatedly(call: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    async def repeat() -> None:
        for _ in range(_TIMES):
            await call()

    return lambda: asyncio.run(repeat())


async def _unchanged(batch: Sequence[int]) -> Sequence[int]:
    return batch


def _batched() -> None:
    async def repeat() -> None:
        batcher = Batcher(_unchanged, largest=32, phase=Phase.RANK)
        for number in range(_TIMES):
            await batcher.do(number)

    asyncio.run(repeat())


def _phases() -> None:
    """The metrics and the span that `Batcher` records for a batch of one."""
    seconds, waits, sizes = (
        metric.labels(Phase.RANK) for metric in (PHASE_SECONDS, PHASE_WAIT_SECONDS, BATCH_REQUESTS)
    )
    for _ in range(_TIMES):
        since = perf_counter()
        span = tracer.start_span(Phase.RANK)
        sizes.observe(1)
        waits.observe(perf_counter() - since)
        with seconds.time():
            pass
        span.end()


if __name__ == "__main__":
    run(measure)
