"""Items that are not available: they are in no list, from the request that follows on."""

import json
from typing import Any

import httpx
import pytest

FAN = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
EVERY = [f"i{item}" for item in range(40)]


async def lists(client: httpx.AsyncClient) -> dict[str, set[str]]:
    """The items of each kind of list."""
    everything = {"n": 100}
    answers = {
        "stranger": await client.get("/v1/users/nobody/recommendations", params=everything),
        "user": await client.get("/v1/users/ada/recommendations", params=everything | {"include_rated": True}),
        "visitor": await client.post("/v1/recommendations", json={"ratings": FAN, "pinned": ["i7"]} | everything),
        "candidates": await client.get("/v1/candidates", params=everything),
        "similar": await client.get("/v1/items/i9/similar", params=everything),
        "ranking": await client.post("/v1/rankings", json={"item_ids": EVERY, "user_id": "ada"}),
        "popular": await client.get("/v1/lists/popular", params=everything),
        "popular today": await client.get("/v1/lists/popular", params=everything | {"days": 1}),
        "latest": await client.get("/v1/lists/latest", params=everything),
    }
    return {name: {item["item_id"] for item in answer.json()["items"]} for name, answer in answers.items()}


async def test_item_that_is_not_available_is_in_no_list_until_it_is_again(client: httpx.AsyncClient) -> None:
    rated = [{"item_id": "i7", "rating": 5}]
    await client.post("/v1/users/ada/ratings", json={"ratings": rated})
    before = await lists(client)
    assert {name for name, own in before.items() if "i7" not in own} == set()

    hidden = await client.patch("/v1/items/i7", json={"available": False})

    assert (hidden.status_code, hidden.json()["available"]) == (200, False)
    assert hidden.json() == (await client.get("/v1/items/i7")).json()
    assert await lists(client) == {name: own - {"i7"} for name, own in before.items()}
    ranked = await client.post("/v1/rankings", json={"item_ids": ["i7", "i8"]})
    assert ranked.json()["unknown_item_ids"] == ["i7"]
    similar = (await client.get("/v1/items/i7/similar?n=3")).json()["items"]
    assert len(similar) == 3
    listed = (await client.get("/v1/items", params={"available": False})).json()["items"]
    assert [item["item_id"] for item in listed] == ["i7"]

    await client.patch("/v1/items/i7", json={"available": True})

    assert await lists(client) == before


async def test_rating_of_an_item_that_is_not_available_counts_and_can_be_made(client: httpx.AsyncClient) -> None:
    request = {"ratings": FAN, "n": 5}
    before = (await client.post("/v1/recommendations", json=request)).json()["items"]
    for item in range(6):
        await client.patch(f"/v1/items/i{item}", json={"available": False})

    assert (await client.post("/v1/recommendations", json=request)).json()["items"] == before
    assert (await client.post("/v1/users/ada/ratings", json={"ratings": FAN})).status_code == 200


@pytest.mark.parametrize("as_lines", [False, True])
async def test_availability_is_replaced_by_put_and_kept_by_patch(client: httpx.AsyncClient, as_lines: bool) -> None:
    items: list[dict[str, Any]] = [{"item_id": "a", "available": False}, {"item_id": "b"}]
    if as_lines:
        body = b"\n".join(json.dumps(item).encode() for item in items)
        await client.post("/v1/items:batch", content=body, headers={"content-type": "application/x-ndjson"})
    else:
        await client.post("/v1/items:batch", json={"items": items})

    patched = await client.patch("/v1/items/a", json={"title": "A"})
    listed = (await client.get("/v1/items", params={"available": False})).json()["items"]
    put = await client.put("/v1/items/a", json={})

    assert patched.json()["available"] is False
    assert [item["item_id"] for item in listed] == ["a"]
    assert put.json()["available"] is True
    refused = await client.put("/v1/items/a", json={"available": "no"})
    assert [error["field"] for error in refused.json()["errors"]] == ["available"]
