"""Items that a user was shown fall, dismissed ones go, and no page of a list repeats an item."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected

ADA = "/v1/users/ada"
RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
USERS = pytest.mark.parametrize("is_known", [True, False], ids=["known user", "stranger"])


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


async def lists_of(client: httpx.AsyncClient, **params: Any) -> list[str]:  # noqa: ANN401 - query parameters
    return ids(await client.get(f"{ADA}/recommendations", params={"n": 500, **params}))


async def send(client: httpx.AsyncClient, type_: str, *item_ids: str, hours_ago: float = 0) -> None:
    version = (await client.get("/v1/model-traffic")).json()["active"]
    moment = datetime.now(UTC) - timedelta(hours=hours_ago)
    events = [
        {
            "event_id": f"{type_} {item_id} {hours_ago}",
            "type": type_,
            "model_version": version,
            "user_id": "ada",
            "item_id": item_id,
            "occurred_at": moment.isoformat(),
        }
        for item_id in item_ids
    ]
    assert (await client.post("/v1/events", json={"events": events})).status_code == 200


async def store(client: httpx.AsyncClient, *, is_known: bool) -> None:
    if is_known:
        await client.post(f"{ADA}/ratings", json={"ratings": RATINGS})


@USERS
@pytest.mark.parametrize("type_", ["shown", "clicked"])
async def test_item_that_was_shown_or_opened_falls(client: httpx.AsyncClient, type_: str, *, is_known: bool) -> None:
    await store(client, is_known=is_known)
    before = await lists_of(client, diversity=0)

    await send(client, type_, before[0])
    once = await lists_of(client, diversity=0)
    for times in range(6):
        await send(client, type_, before[0], hours_ago=times / 1000)

    assert 0 < once.index(before[0]) < (await lists_of(client, diversity=0)).index(before[0])


async def test_item_comes_back_with_time(client: httpx.AsyncClient) -> None:
    await store(client, is_known=True)
    before = await lists_of(client)

    await send(client, "shown", before[0], hours_ago=24 * 7)

    assert await lists_of(client) == before


async def test_without_a_half_life_nothing_falls(settings: Settings) -> None:
    async with connected(create_app(settings.model_copy(update={"shown_half_life_hours": 0}))) as client:
        await store(client, is_known=True)
        before = await lists_of(client)
        await send(client, "shown", before[0])
        assert await lists_of(client) == before


@USERS
async def test_dismissed_item_is_in_no_list(client: httpx.AsyncClient, *, is_known: bool) -> None:
    await store(client, is_known=is_known)
    first = (await lists_of(client))[0]

    await send(client, "dismissed", first, hours_ago=24 * 300)

    assert first not in await lists_of(client, n=500)
    posted = await client.post(f"{ADA}/ratings", params={"n": 500}, json={"ratings": RATINGS})
    assert first not in {item["item_id"] for item in posted.json()["recommendations"]["items"]}


async def test_erased_user_gets_shown_and_dismissed_items_again(client: httpx.AsyncClient) -> None:
    before = await lists_of(client)
    await send(client, "dismissed", before[0])
    await send(client, "shown", before[1])

    await client.delete(ADA)

    assert await lists_of(client) == before


async def test_shown_items_of_a_request_fall_like_those_of_events(client: httpx.AsyncClient) -> None:
    await store(client, is_known=True)
    before = await lists_of(client)

    in_the_request = await lists_of(client, shown=before[:3])
    visitor = await client.post("/v1/recommendations", json={"ratings": RATINGS, "n": 500, "shown": before[:3]})
    await send(client, "shown", *before[:3])

    assert in_the_request == ids(visitor) == await lists_of(client) != before


@pytest.mark.parametrize("n", [1, 7])
async def test_pages_repeat_no_item_while_ratings_arrive_and_have_all_items_in_the_end(
    client: httpx.AsyncClient, n: int
) -> None:
    await store(client, is_known=True)
    seen: list[str] = []
    cursor = None
    for page in range(99):
        answer = await client.get(f"{ADA}/recommendations", params={"n": n, **({"cursor": cursor} if cursor else {})})
        seen += ids(answer)
        assert [item["rank"] for item in answer.json()["items"]] == list(range(page * n + 1, len(seen) + 1))
        rated = [f"i{item}" for item in range(page % 3)]
        await client.post(
            f"{ADA}/ratings", json={"ratings": [{"item_id": item, "rating": 1 + page % 5} for item in rated or ["i5"]]}
        )
        if (cursor := answer.json()["next_cursor"]) is None:
            break

    assert len(seen) == len(set(seen)) == 34


async def test_pages_of_a_visitor_are_the_long_list_in_pieces(client: httpx.AsyncClient) -> None:
    body = {"ratings": RATINGS, "n": 5}
    first = await client.post("/v1/recommendations", json=body)
    second = await client.post("/v1/recommendations", json={**body, "cursor": first.json()["next_cursor"]})

    assert ids(first) + ids(second) == ids(await client.post("/v1/recommendations", json={**body, "n": 10}))


@pytest.mark.parametrize("cursor", ["", "abc", "x" * 40 + "!", "AAA="])
async def test_wrong_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get(f"{ADA}/recommendations", params={"cursor": cursor})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "cursor", "reason": "is not a cursor of this service"}]
