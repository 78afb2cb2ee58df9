"""Lists that explore: by a seed, without one, and requests that make no sense."""

import httpx
import pytest

ADA = "/v1/users/ada"
RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]


async def stored_list(client: httpx.AsyncClient, **params: str | float) -> tuple[str, ...]:
    answer = await client.get(f"{ADA}/recommendations", params={"n": 30, **params})
    assert answer.status_code == 200, answer.text
    return tuple(item["item_id"] for item in answer.json()["items"])


async def test_list_that_explores_is_cached_only_with_a_seed(client: httpx.AsyncClient) -> None:
    await client.post(f"{ADA}/ratings", json={"ratings": RATINGS})
    plain = await stored_list(client)

    assert len({await stored_list(client, explore=1) for _ in range(4)}) > 1
    assert await stored_list(client, explore=1, seed=1) == await stored_list(client, explore=1, seed=1)
    assert len({await stored_list(client, explore=1, seed=seed) for seed in range(4)}) > 1
    assert await stored_list(client, explore=0, seed=1) == await stored_list(client) == plain


async def test_visitor_gets_the_list_of_the_seed(client: httpx.AsyncClient) -> None:
    body = {"ratings": RATINGS, "n": 30, "explore": 0.5, "seed": 7}
    lists = [(await client.post("/v1/recommendations", json=body)).json()["items"] for _ in range(2)]

    assert lists[0] == lists[1]
    assert lists[0] != (await client.post("/v1/recommendations", json={**body, "explore": 0})).json()["items"]


@pytest.mark.parametrize(
    ("body", "field"), [({"explore": 1.1}, "explore"), ({"explore": 1, "rank_by": "rating"}, "explore")]
)
async def test_wrong_exploration_is_refused_by_name(client: httpx.AsyncClient, body: dict, field: str) -> None:
    answer = await client.post("/v1/recommendations", json={"ratings": RATINGS, **body})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_scenario_explores_unless_the_request_is_for_a_list_by_ratings(client: httpx.AsyncClient) -> None:
    await client.post(f"{ADA}/ratings", json={"ratings": RATINGS})
    assert (await client.put("/v1/scenarios/new", json={"explore": 1})).json()["explore"] == 1
    refused = await client.put("/v1/scenarios/newer", json={"explore": 1, "rank_by": "rating"})

    assert await stored_list(client, scenario="new", seed=1) == await stored_list(client, explore=1, seed=1)
    assert await stored_list(client, scenario="new", rank_by="rating") == await stored_list(client, rank_by="rating")
    assert [error["field"] for error in refused.json()["errors"]] == ["explore"]
