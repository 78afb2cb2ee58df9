"""Addresses, keys, headers, timeouts, repeated connections, and waiting for jobs, in both clients."""

import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import anyio
import coldstart_client
import httpx
import pytest
from coldstart_client import (
    AsyncClient,
    Client,
    Evaluation,
    InvalidArgumentError,
    Liveness,
    NoAnswerError,
    TrainingSummary,
    WaitTimeoutError,
)

Answer = Callable[[httpx.Request], httpx.Response]
Use = Callable[..., Awaitable[Any]]

NOW = "2026-01-31T12:00:00Z"
JOB = {
    "status": "queued",
    "progress": 0.25,
    "model_version": "m",
    "created_at": NOW,
    "started_at": None,
    "finished_at": None,
    "error": None,
    "report": None,
}
CONFIG = {
    "states": [],
    "baselines": [],
    "list_baselines": [],
    "seed": 0,
    "steps": None,
    "paper_warm": False,
    "order": "random",
    "query_size": 10,
    "min_ratings": 1,
    "max_ratings": 1,
    "bootstrap_resamples": 100,
}
EVALUATION = JOB | {"evaluation_id": "e", "config": CONFIG}
TRAINING = JOB | {"training_id": "t", "preset": "melu", "with_data_set": False, "activate": False}


@pytest.fixture(params=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Use:
    """Calls one method of a client of either kind, whose requests a function answers."""

    async def use(
        answer: Answer,
        method: str,
        *args: object,
        options: Mapping[str, Any] = MappingProxyType({}),
        changed: Mapping[str, Any] = MappingProxyType({}),
        **given: object,
    ) -> Any:  # noqa: ANN401
        transport = httpx.MockTransport(answer)
        if request.param == "sync":
            with Client("http://localhost", transport=transport, **options) as client:
                return getattr(client.with_options(**changed), method)(*args, **given)
        async with AsyncClient("http://localhost", transport=transport, **options) as awaited:
            return await getattr(awaited.with_options(**changed), method)(*args, **given)

    return use


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds for which a client would have slept."""
    seconds: list[float] = []

    async def sleep(given: float) -> None:
        seconds.append(given)

    monkeypatch.setattr(time, "sleep", seconds.append)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return seconds


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "address", ["127.0.0.1:8000", "localhost:8000", "shop.example", "", "ftp://x", "http://", "http://h:p", None]
)
def test_address_without_a_scheme_or_host_is_refused(kind: type, address: str) -> None:
    with pytest.raises(InvalidArgumentError, match="begins with http:// or https://, such as"):
        kind(address)


async def test_key_comes_from_the_argument_or_the_environment(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("x-api-key"))
        return httpx.Response(200, json={"status": "alive"})

    monkeypatch.delenv("COLDSTART_API_KEY", raising=False)
    await use(answer, "get_liveness")
    monkeypatch.setenv("COLDSTART_API_KEY", "of-the-environment\n")
    await use(answer, "get_liveness")
    await use(answer, "get_liveness", options={"key": "given"})
    await use(answer, "get_liveness", options={"key": ""})

    assert sent == [None, "of-the-environment", "given", None]
    with pytest.raises(InvalidArgumentError, match="key has characters"):
        Client("http://localhost", key="schlüssel")


async def test_user_agent_names_the_client_and_its_version(use: Use) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["user-agent"])
        return httpx.Response(200, json={"status": "alive"})

    await use(answer, "get_liveness")

    assert coldstart_client.__version__ == version("coldstart-recommender-client")
    assert sent[0].startswith(f"coldstart-recommender-client/{coldstart_client.__version__} ")


async def test_timeout_is_that_of_the_client_or_of_one_call(use: Use) -> None:
    sent: list[dict[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.extensions["timeout"])
        return httpx.Response(200, json={"status": "alive"})

    await use(answer, "get_liveness", options={"timeout_seconds": 7})
    await use(answer, "get_liveness", options={"timeout_seconds": 7}, changed={"timeout_seconds": 2})

    assert [set(each.values()) for each in sent] == [{7}, {2}]


async def test_connection_that_fails_is_tried_again_with_growing_pauses(use: Use, pauses: list[float]) -> None:
    failures = iter([httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])

    def answer(_request: httpx.Request) -> httpx.Response:
        if failure := next(failures, None):
            raise failure
        return httpx.Response(200, json={"status": "alive"})

    assert await use(answer, "get_liveness") == Liveness(status="alive")
    assert pauses == [0.5, 1.0]


async def test_connection_that_fails_always_raises_after_the_retries(use: Use, pauses: list[float]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NoAnswerError, match="http://localhost does not answer: ConnectError: refused"):
        await use(answer, "get_liveness", changed={"retries": 1})
    assert pauses == [0.5]


async def test_request_that_may_have_been_done_is_not_repeated(use: Use, pauses: list[float]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with pytest.raises(NoAnswerError, match="ReadTimeout"):
        await use(answer, "add_skips", "ada", ["i1"])
    assert pauses == []


async def test_wait_returns_the_job_once_it_has_ended(use: Use, pauses: list[float]) -> None:
    states = iter(["queued", "running", "failed"])

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/evaluations/e"
        return httpx.Response(200, json=EVALUATION | {"status": next(states)})

    ended = await use(answer, "wait", Evaluation.model_validate(EVALUATION), poll_seconds=3)

    assert (type(ended), ended.status) == (Evaluation, "failed")
    assert pauses == [3, 3]


async def test_wait_for_a_training_longer_than_its_time_raises(use: Use, pauses: list[float]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/trainings/t"
        return httpx.Response(200, json=TRAINING | {"status": "running"})

    with pytest.raises(WaitTimeoutError, match="the job is running, 25% done, and the time is up"):
        await use(answer, "wait", TrainingSummary.model_validate(TRAINING), timeout_seconds=0)
    assert pauses == []
