import httpx
import pytest


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def is_comedy(item_id: str) -> bool:
    return int(item_id.removeprefix("i")) % 2 == 1


async def test_similar_items_of_a_comedy_are_comedies_with_the_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/items/i1/similar", params={"by": "attributes"})

    assert len(ids(answer)) == 10
    assert all(map(is_comedy, ids(answer)))
    assert all(item["shared"] == {"genre": ["comedy"]} for item in answer.json()["items"])


async def test_similar_items_respect_n_filters_and_exclusions(client: httpx.AsyncClient) -> None:
    everything = {"n": 500, "filter": ["genre:Comedy"], "exclude": ["i3"]}

    found = ids(await client.get("/v1/items/i1/similar", params=everything))

    assert set(found) == {f"i{item}" for item in range(5, 40, 2)}


@pytest.mark.parametrize("by", ["taste", "attributes"])
async def test_new_item_has_similar_items_at_once_and_is_one_of_others(client: httpx.AsyncClient, by: str) -> None:
    await client.put("/v1/items/new", json={"title": "New", "attributes": {"genre": ["comedy"], "year": 1981}})

    assert len(ids(await client.get("/v1/items/new/similar", params={"by": by}))) == 10
    assert "new" in ids(await client.get("/v1/items/i1/similar", params={"by": by, "n": 500}))


async def test_similar_items_of_several_items_have_none_of_these(client: httpx.AsyncClient) -> None:
    found = ids(await client.post("/v1/items:similar", json={"item_ids": ["i1", "i3"], "n": 500}))

    assert set(found) == {f"i{item}" for item in range(40)} - {"i1", "i3"}


async def test_similar_items_of_a_described_item_are_those_of_a_stored_one(client: httpx.AsyncClient) -> None:
    attributes = {"genre": ["horror"], "year": 1990}
    described = await client.post("/v1/items:similar", json={"attributes": attributes, "by": "attributes", "n": 20})
    await client.put("/v1/items/new", json={"attributes": attributes})

    stored = await client.get("/v1/items/new/similar", params={"by": "attributes", "n": 20})

    assert described.json()["items"] == stored.json()["items"]
    assert (await client.get("/v1/items/new")).status_code == 200
    assert not any(map(is_comedy, ids(described)))


async def test_similar_items_of_an_unknown_item_are_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/items/nothing/similar")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"item_ids": ["i1", "nothing"]}, "item_ids.1"),
        ({"attributes": {"shoe_size": 3}}, "attributes.shoe_size"),
        ({"item_ids": ["i1"], "filter": {"genre": ["noir"]}}, "filter.genre"),
        ({"item_ids": ["i1"], "diversity": 2}, "diversity"),
    ],
)
async def test_similar_items_with_a_wrong_request_name_the_field(
    client: httpx.AsyncClient, body: dict, field: str
) -> None:
    answer = await client.post("/v1/items:similar", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
