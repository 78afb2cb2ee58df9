"""Many requests at once: ranked in batches, refused when there are too many, dropped when the client has gone."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from app.storage.ratings import RatingRecord, RatingRepository
from models.ranking import RankedItem, RankingQuery, Recommender
from tests.integration.running import connected

RATINGS = [{"item_id": "i1", "rating": 5}]


class Spy:
    """Records the batches of ranked queries, and holds a batch while its gate is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[RankingQuery]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._begun = threading.Event()
        original = Recommender.recommend_many

        def recommend_many(recommender: Recommender, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
            self.batches.append(list(queries))
            self._begun.set()
            assert self.gate.wait(timeout=60)
            if any(query.n == 13 for query in queries):
                raise ArithmeticError("a query with n = 13 fails")
            return original(recommender, queries)

        monkeypatch.setattr(Recommender, "recommend_many", recommend_many)

    def hold(self) -> None:
        """Forget the recorded batches, and hold the next one."""
        self.batches.clear()
        self.gate.clear()
        self._begun.clear()

    async def busy(self) -> None:
        """Wait until the held batch has begun."""
        assert await asyncio.to_thread(self._begun.wait, 60)

    @property
    def lengths(self) -> list[int]:
        """The `n` of all queries, in order."""
        return [query.n for batch in self.batches for query in batch]


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with at most three rankings at once."""
    app = create_app(settings.model_copy(update={"max_rankings": 3}))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def spy(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Spy:  # noqa: ARG001 - the application ranks once at its start
    return Spy(monkeypatch)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that application, instead of one without the limit."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def ask(client: httpx.AsyncClient, n: int) -> asyncio.Task[httpx.Response]:
    """Send a request that its length `n` identifies."""
    return asyncio.create_task(client.post("/v1/recommendations", json={"n": n, "ratings": RATINGS}))


async def ask_during_a_batch(client: httpx.AsyncClient, spy: Spy, first: int, *others: int) -> list[httpx.Response]:
    """Send requests; the first one is being ranked while the others arrive. Returns the answers."""
    spy.hold()
    running = ask(client, first)
    await spy.busy()
    waiting = [ask(client, n) for n in others]
    await asyncio.sleep(0.1)
    spy.gate.set()
    return await asyncio.gather(running, *waiting)


class TestBatches:
    async def test_concurrent_requests_are_ranked_together_as_if_alone(
        self, client: httpx.AsyncClient, spy: Spy
    ) -> None:
        alone = [(await ask(client, n)).json() for n in (5, 6, 7)]

        answers = [answer.json() for answer in await ask_during_a_batch(client, spy, 5, 6, 7)]

        assert [len(batch) for batch in spy.batches] == [1, 2]
        for answer, expected in zip(answers, alone, strict=True):
            assert [item["item_id"] for item in answer["items"]] == [item["item_id"] for item in expected["items"]]
            for item, other in zip(answer["items"], expected["items"], strict=True):
                assert item["predicted_rating"] == pytest.approx(other["predicted_rating"], abs=1e-6)

    async def test_failing_request_in_a_batch_does_not_fail_the_others(
        self, client: httpx.AsyncClient, spy: Spy
    ) -> None:
        answers = await ask_during_a_batch(client, spy, 5, 13, 7)

        assert [answer.status_code for answer in answers] == [200, 500, 200]


class TestOverload:
    async def test_refused_request_says_when_to_retry_and_stores_nothing(
        self, client: httpx.AsyncClient, spy: Spy
    ) -> None:
        spy.hold()
        taken = [ask(client, n) for n in (1, 2, 3)]
        await spy.busy()

        refused = await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})
        spy.gate.set()
        answers = await asyncio.gather(*taken)

        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:coldstart:problem:overloaded"
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert (await client.get("/v1/users/ada")).status_code == 404
        assert (await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})).status_code == 200

    async def test_ranking_routes_declare_the_overload_response(self, client: httpx.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]

        for method, path in (
            ("post", "/v1/recommendations"),
            ("get", "/v1/users/{user_id}/recommendations"),
            ("post", "/v1/users/{user_id}/ratings"),
        ):
            response = paths[path][method]["responses"]["503"]
            assert "overloaded" in response["description"]
            assert "Retry-After" in response["headers"]


class TestDisconnectedClients:
    async def test_ranking_request_whose_client_disconnects_is_never_computed(self, app: FastAPI, spy: Spy) -> None:
        spy.hold()
        gone = asyncio.Event()
        waiting = asyncio.Event()
        waiting_client = asyncio.create_task(post(app, {"n": 5}, asyncio.Event()))
        await spy.busy()
        impatient_client = asyncio.create_task(post(app, {"n": 6}, gone))
        other_client = asyncio.create_task(post(app, {"n": 7}, waiting))
        await asyncio.sleep(0.1)

        gone.set()
        await impatient_client
        spy.gate.set()
        statuses = [await waiting_client, await other_client]

        assert statuses == [200, 200]
        assert spy.lengths == [5, 7]

    async def test_ranking_request_whose_client_disconnects_frees_its_place(
        self, app: FastAPI, client: httpx.AsyncClient, spy: Spy
    ) -> None:
        gone = asyncio.Event()
        spy.hold()
        clients = [asyncio.create_task(post(app, {"n": n}, gone)) for n in (5, 6, 7)]
        await spy.busy()
        gone.set()
        await asyncio.gather(*clients)
        spy.gate.set()

        assert (await ask(client, 8)).status_code == 200


class TestCache:
    async def test_cached_answer_is_given_without_adaptation(self, client: httpx.AsyncClient, spy: Spy) -> None:
        await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})
        await client.get("/v1/users/ada/recommendations", params={"n": 5})
        spy.batches.clear()

        answers = [await client.get("/v1/users/ada/recommendations", params={"n": 5}) for _ in range(3)]

        assert spy.batches == []
        assert {len(answer.json()["items"]) for answer in answers} == {5}


class TestGroupCommit:
    async def test_group_commit_with_one_failure_stores_the_others(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        groups: list[list[str]] = []
        original = RatingRepository.save

        async def save(repository: RatingRepository, ratings: Any) -> None:  # noqa: ANN401
            given: list[tuple[str, RatingRecord]] = list(ratings)
            groups.append([user_id for user_id, _ in given])
            await original(repository, given)
            if any(user_id == "poison" for user_id, _ in given):
                raise ArithmeticError

        monkeypatch.setattr(RatingRepository, "save", save)
        users = ["a", "b", "poison", "c", "b", "d"]
        async with connected(create_app(settings)) as client:
            answers = await asyncio.gather(
                *(
                    client.post(f"/v1/users/{user}/ratings", json={"ratings": [{"item_id": f"i{place}", "rating": 3}]})
                    for place, user in enumerate(users)
                )
            )
            stored = {
                user: (await client.get(f"/v1/users/{user}/ratings")).json().get("items") for user in sorted(set(users))
            }

        assert [answer.status_code for answer in answers] == [200, 200, 500, 200, 200, 200]
        assert max(map(len, groups)) > 1
        assert stored.pop("poison") is None
        items = {user: [rating["item_id"] for rating in ratings] for user, ratings in stored.items()}
        assert items == {"a": ["i0"], "b": ["i1", "i4"], "c": ["i3"], "d": ["i5"]}

    async def test_group_commit_of_one_users_requests_keeps_the_last(self, settings: Settings) -> None:
        async with connected(create_app(settings)) as unlimited:
            bodies = [
                {"ratings": [{"item_id": "i1", "rating": value}], "attributes": {"age": value}}
                for value in (1, 2, 3, 4, 5)
            ]
            await asyncio.gather(*(unlimited.post("/v1/users/ada/ratings", json=body) for body in bodies))

            (rating,) = (await unlimited.get("/v1/users/ada/ratings")).json()["items"]
            user = (await unlimited.get("/v1/users/ada")).json()

        assert rating["rating"] == user["attributes"]["age"] == 5


async def post(app: FastAPI, body: dict[str, Any], gone: asyncio.Event) -> int:
    """Send a request whose client disconnects when `gone` is set. Returns the status."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/recommendations",
        "raw_path": b"/v1/recommendations",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    await app(scope, receive, send)
    status: int = sent[0]["status"]
    return status
