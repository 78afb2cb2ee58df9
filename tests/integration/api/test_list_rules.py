"""Boosts, pinned items and diversity in requests for lists."""

import httpx
import pytest

RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]


async def ids(client: httpx.AsyncClient, **body: object) -> list[str]:
    answer = await client.post("/v1/recommendations", json={"ratings": RATINGS, "n": 10, **body})
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


async def test_boost_raises_the_items_that_it_names(client: httpx.AsyncClient) -> None:
    horror = await ids(client, boosts=[{"factor": 1e6, "filter": {"genre": ["horror"]}}])
    one = await ids(client, boosts=[{"factor": 1e6, "item_ids": ["i38"]}])
    both = await ids(client, boosts=[{"factor": 1e6, "item_ids": ["i37", "i38"], "filter": {"genre": ["horror"]}}])

    assert all(int(item.removeprefix("i")) % 2 == 0 for item in horror)
    assert one[0] == both[0] == "i38"


async def test_pinned_items_come_first_and_excluded_ones_not_at_all(client: httpx.AsyncClient) -> None:
    assert (await ids(client, pinned=["i38", "i36", "i34"], exclude=["i36"]))[:2] == ["i38", "i34"]


async def test_diversity_changes_the_list_and_not_its_length(client: httpx.AsyncClient) -> None:
    plain, diverse = await ids(client, diversity=0), await ids(client, diversity=0.9)

    assert plain == await ids(client)
    assert len(set(diverse)) == 10
    assert diverse != plain


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"boosts": [{"factor": 2}]}, "boosts.0"),
        ({"boosts": [{"factor": 0, "item_ids": ["i1"]}]}, "boosts.0.factor"),
        ({"boosts": [{"factor": 2, "filter": {"genre": ["noir"]}}]}, "boosts.0.filter.genre"),
        ({"diversity": -0.1}, "diversity"),
    ],
)
async def test_wrong_rule_is_refused_by_name(client: httpx.AsyncClient, body: dict, field: str) -> None:
    answer = await client.post("/v1/recommendations", json={"ratings": RATINGS, **body})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
