"""Two server processes on one database."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from app.settings import Settings
from tests.integration.running import server
from tests.waiting import until

CLIENTS, POSTS = 8, 12
RATED = ["i0", "i1", "i2", "i3", "i4"]
NDJSON = {"content-type": "application/x-ndjson"}


@contextmanager
def replicas(settings: Settings) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two servers."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(httpx.Client(base_url=stack.enter_context(server(settings))[1], timeout=60))
            for _ in range(2)
        )
        yield first, second


def lines(ids: Sequence[str]) -> bytes:
    items = ({"item_id": item_id, "attributes": {"genre": ["comedy"], "year": 2026}} for item_id in ids)
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def listed(client: httpx.Client) -> dict[str, set[str]]:
    """The item ids in each kind of list of a replica."""
    answers = {
        "stranger": client.post("/v1/recommendations", json={"n": 500}),
        "user": client.get("/v1/users/ada/recommendations", params={"n": 500}),
        "candidates": client.get("/v1/candidates", params={"n": 500}),
        "items": client.get("/v1/items", params={"limit": 500}),
    }
    return {name: {item["item_id"] for item in answer.json()["items"]} for name, answer in answers.items()}


@pytest.fixture
def shared(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The settings of both replicas, with or without Redis."""
    if request.param == "alone":
        return settings
    url = SecretStr(request.getfixturevalue("redis_url"))
    return settings.model_copy(update={"redis_url": url})


@pytest.mark.parametrize(
    ("database_url", "shared"),
    [("sqlite", "alone"), pytest.param("postgresql", "redis", marks=pytest.mark.services)],
    indirect=True,
)
def test_item_changes_reach_the_lists_of_every_replica(shared: Settings) -> None:
    with replicas(shared.model_copy(update={"popularity_seconds": 0.2})) as (one, other):
        one.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i39", "rating": 5}]}).raise_for_status()
        one.post("/v1/items:batch", content=lines([f"new{n}" for n in range(50)]), headers=NDJSON).raise_for_status()
        for replica in (other, one):
            assert all("new49" in ids for ids in listed(replica).values())

        one.delete("/v1/items/new49").raise_for_status()
        other.delete("/v1/items/i1").raise_for_status()
        for replica in (other, one):
            assert not any({"new49", "i1"} & ids for ids in listed(replica).values())

        one.patch("/v1/items/i3", json={"available": False}).raise_for_status()
        for replica in (other, one):
            assert [name for name, ids in listed(replica).items() if "i3" in ids] == ["items"]

        for user in range(50):
            rating = {"item_id": "new7", "rating": 5}
            one.post(f"/v1/users/user{user}/ratings", json={"ratings": [rating]}).raise_for_status()
        for replica in (one, other):
            until(
                lambda replica=replica: (  # type: ignore[misc]
                    replica.get("/v1/candidates", params={"strategy": "popularity", "n": 1}).json()["items"][0][
                        "item_id"
                    ]
                    == "new7"
                )
            )


def test_interrupted_item_stream_sent_again_stores_the_rest(settings: Settings) -> None:
    body = lines([f"new{n}" for n in range(5000)])
    with replicas(settings) as (one, other):
        url = urlsplit(str(one.base_url))
        with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
            head = ["POST /v1/items:batch HTTP/1.1", "Host: localhost", "Content-Type: application/x-ndjson"]
            head += [f"Content-Length: {len(body)}", "", ""]
            connection.sendall("\r\n".join(head).encode() + body[: len(body) // 2])
            until(lambda: other.get("/v1/items/new1999").status_code == 200)

        assert one.get("/v1/items/new4999").status_code == 404
        report = other.post("/v1/items:batch", content=body, headers=NDJSON).json()
        again = one.post("/v1/items:batch", content=body, headers=NDJSON).json()

    assert report["unchanged"] >= 2000
    assert report["created"] + report["unchanged"] == 5000
    assert (again["unchanged"], again["rejected"]) == (5000, 0)


def test_concurrent_ratings_of_one_user_are_never_mixed(settings: Settings) -> None:
    """Each request rates the same items with one time, so all stored ratings must always have the same time."""
    start = datetime.now(UTC) - timedelta(days=1)
    moments = [start + timedelta(seconds=(37 * number) % (CLIENTS * POSTS)) for number in range(CLIENTS * POSTS)]
    ratings_path, finished = "/v1/users/ada/ratings", threading.Event()
    mixed: list[object] = []

    def value(moment: datetime) -> int:
        return 1 + int((moment - start).total_seconds()) % 5

    def post(client: httpx.Client, moments: Sequence[datetime]) -> None:
        for moment in moments:
            ratings = [
                {"item_id": item_id, "rating": value(moment), "rated_at": moment.isoformat()} for item_id in RATED
            ]
            answer = client.post(ratings_path, json={"ratings": ratings, "attributes": {"age": value(moment)}})
            assert answer.status_code == 200, answer.text
            check(answer.json()["ratings"], at_least=moment)

    def check(ratings: Sequence[dict[str, str]], *, at_least: datetime) -> None:
        times = {datetime.fromisoformat(rating["rated_at"]) for rating in ratings}
        values = {float(rating["rating"]) for rating in ratings}
        if len(times) != 1 or values != {value(min(times))} or min(times) < at_least:
            mixed.append(ratings)

    def look(client: httpx.Client) -> None:
        while not finished.is_set():
            answer = client.get(ratings_path)
            if answer.status_code == 200:
                check(answer.json()["items"], at_least=start)
            client.get("/v1/users/ada/recommendations")

    with replicas(settings) as both, ThreadPoolExecutor(CLIENTS + 2) as threads:
        looking = [threads.submit(look, client) for client in both]
        with contextlib.ExitStack() as stack:
            stack.callback(finished.set)
            posting = [threads.submit(post, both[number % 2], moments[number::CLIENTS]) for number in range(CLIENTS)]
            for future in posting:
                future.result()
        for future in looking:
            future.result()
        stored = [client.get(ratings_path).json()["items"] for client in both]
        untimed = [{"item_id": item_id, "rating": 3} for item_id in RATED]
        last = both[0].post(ratings_path, json={"ratings": untimed}).json()["ratings"]
        lists = [client.get("/v1/users/ada/recommendations").json() for client in both]

    assert mixed == []
    assert stored[0] == stored[1]
    assert [rating["item_id"] for rating in stored[0]] == RATED
    assert {datetime.fromisoformat(rating["rated_at"]) for rating in stored[0]} == {max(moments)}
    assert {rating["rating"] for rating in last} == {3.0}
    assert lists[0]["items"] == lists[1]["items"]
