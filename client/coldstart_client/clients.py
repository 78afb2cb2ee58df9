"""The two clients: every call of the API, how it is sent, and waiting for jobs."""

import time
from typing import overload

import anyio

from coldstart_client.calls import Calls
from coldstart_client.errors import WaitTimeoutError
from coldstart_client.models.evaluations import Evaluation, EvaluationSummary
from coldstart_client.models.list_exports import ListExport
from coldstart_client.models.trainings import Training, TrainingSummary
from coldstart_client.sending import AsyncSender, Sender

_GOING_ON = {"queued", "running"}

_Job = Evaluation | Training | ListExport


class Client(Calls, Sender):
    """A client whose methods return answers. Several threads may use it.

    with Client("http://127.0.0.1:8000") as client:
        print(client.recommend(n=5).items)

    Args:
        base_url: The service's address, such as `http://127.0.0.1:8000`.
        key: API key; by default that of the environment variable COLDSTART_API_KEY, if it is set.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that had no effect: the connection could not be made, or the service
            refused the request with `Retry-After`.
        transport: How to send (httpx); by default over the network.
    """

    @overload
    def wait(
        self, job: EvaluationSummary, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> Evaluation: ...
    @overload
    def wait(
        self, job: TrainingSummary, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> Training: ...
    @overload
    def wait(
        self, job: ListExport, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> ListExport: ...
    def wait(
        self,
        job: EvaluationSummary | TrainingSummary | ListExport,
        *,
        poll_seconds: float = 1.0,
        timeout_seconds: float | None = None,
    ) -> _Job:
        """Wait until a job has ended, and return it: its `status` is succeeded, failed or cancelled.

        Args:
            job: An evaluation, a training or a list export.
            poll_seconds: Seconds between two looks at the job.
            timeout_seconds: The longest wait; None for any.

        Raises:
            WaitTimeoutError: If the job has not ended by then. It goes on.
            ColdstartError: If the service cannot be asked.
        """
        deadline = _deadline(timeout_seconds)
        while True:
            if isinstance(job, EvaluationSummary):
                now: _Job = self.get_evaluation(job.evaluation_id)
            elif isinstance(job, TrainingSummary):
                now = self.get_training(job.training_id)
            else:
                now = self.get_list_export(job.list_export_id)
            if now.status not in _GOING_ON:
                return now
            time.sleep(_pause(now, poll_seconds, deadline))


class AsyncClient(Calls, AsyncSender):
    """A client whose methods are awaited, on asyncio or trio.

    async with AsyncClient("http://127.0.0.1:8000") as client:
        print((await client.recommend(n=5)).items)

    Args:
        base_url: The service's address, such as `http://127.0.0.1:8000`.
        key: API key; by default that of the environment variable COLDSTART_API_KEY, if it is set.
        timeout_seconds: The longest wait for a connection, and for each part of an answer.
        retries: How often to repeat a request that had no effect: the connection could not be made, or the service
            refused the request with `Retry-After`.
        transport: How to send (httpx); by default over the network.
    """

    @overload
    async def wait(
        self, job: EvaluationSummary, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> Evaluation: ...
    @overload
    async def wait(
        self, job: TrainingSummary, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> Training: ...
    @overload
    async def wait(
        self, job: ListExport, *, poll_seconds: float = 1.0, timeout_seconds: float | None = None
    ) -> ListExport: ...
    async def wait(
        self,
        job: EvaluationSummary | TrainingSummary | ListExport,
        *,
        poll_seconds: float = 1.0,
        timeout_seconds: float | None = None,
    ) -> _Job:
        """Wait until a job has ended, and return it: its `status` is succeeded, failed or cancelled.

        Args:
            job: An evaluation, a training or a list export.
            poll_seconds: Seconds between two looks at the job.
            timeout_seconds: The longest wait; None for any.

        Raises:
            WaitTimeoutError: If the job has not ended by then. It goes on.
            ColdstartError: If the service cannot be asked.
        """
        deadline = _deadline(timeout_seconds)
        while True:
            if isinstance(job, EvaluationSummary):
                now: _Job = await self.get_evaluation(job.evaluation_id)
            elif isinstance(job, TrainingSummary):
                now = await self.get_training(job.training_id)
            else:
                now = await self.get_list_export(job.list_export_id)
            if now.status not in _GOING_ON:
                return now
            await anyio.sleep(_pause(now, poll_seconds, deadline))


def _deadline(timeout_seconds: float | None) -> float:
    return float("inf") if timeout_seconds is None else time.monotonic() + timeout_seconds


def _pause(job: _Job, poll_seconds: float, deadline: float) -> float:
    """Seconds until the next look at a job.

    Raises:
        WaitTimeoutError: If there is no time left.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise WaitTimeoutError(f"the job is {job.status}, {job.progress:.0%} done, and the time is up")
    return min(poll_seconds, left)
