"""Work that costs less when it is done for several requests together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from app.errors import ServiceError
from app.observability.metrics import BATCH_REQUESTS, PHASE_SECONDS, PHASE_WAIT_SECONDS, Phase
from app.observability.tracing import tracer

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class _Waiting(Generic[RequestT, ResultT]):
    request: RequestT
    result: asyncio.Future[ResultT]
    since: float


class Batcher(Generic[RequestT, ResultT]):
    """Does one batch at a time. Requests that arrive meanwhile form the next batch.

    No request waits for a batch to fill: the first one starts at once and alone, and batches grow with the load.
    Requests keep their order. A request whose task is cancelled is left out of a batch that has not begun.

    Args:
        work: Does a batch: returns one result a request, in their order. If it raises a `ServiceError`, every request
            of the batch gets that error. Any other error may be the fault of a single request, so the batch is done
            again one by one, and only the request at fault gets it. A failed batch must therefore have no effect.
        largest: The most requests of a batch.
        phase: The name of the work in metrics and traces.
    """

    def __init__(
        self, work: Callable[[Sequence[RequestT]], Awaitable[Sequence[ResultT]]], *, largest: int, phase: Phase
    ) -> None:
        self._work = work
        self._largest = largest
        self._waiting: deque[_Waiting[RequestT, ResultT]] = deque()
        self._working: asyncio.Task[None] | None = None
        self._phase = phase
        self._seconds = PHASE_SECONDS.labels(phase)
        self._wait_seconds = PHASE_WAIT_SECONDS.labels(phase)
        self._batch_requests = BATCH_REQUESTS.labels(phase)

    async def do(self, request: RequestT) -> ResultT:
        """The result of one request."""
        result: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, result, perf_counter()))
        if self._working is None:
            # In no request's context: the requests share the work, so its log lines must not name one of them.
            self._working = asyncio.create_task(self._work_off(), context=Context())
        span = tracer.start_span(self._phase)
        try:
            return await result
        finally:
            span.end()

    async def close(self) -> None:
        """Finish the requests that have been accepted."""
        if self._working is not None:
            await self._working

    async def _work_off(self) -> None:
        try:
            while batch := self._next_batch():
                await self._do(batch)
        finally:
            self._working = None

    def _next_batch(self) -> list[_Waiting[RequestT, ResultT]]:
        batch: list[_Waiting[RequestT, ResultT]] = []
        while self._waiting and len(batch) < self._largest:
            waiting = self._waiting.popleft()
            if not waiting.result.done():  # else it was cancelled
                batch.append(waiting)
        if batch:
            now = perf_counter()
            self._batch_requests.observe(len(batch))
            for waiting in batch:
                self._wait_seconds.observe(now - waiting.since)
        return batch

    async def _do(self, batch: Sequence[_Waiting[RequestT, ResultT]]) -> None:
        try:
            with self._seconds.time():
                results = await self._work([waiting.request for waiting in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, ServiceError):
                for waiting in batch:
                    if not waiting.result.done():
                        waiting.result.set_exception(error)
            else:
                for waiting in batch:
                    if not waiting.result.done():
                        await self._do([waiting])
        else:
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.result.done():
                    waiting.result.set_result(result)
