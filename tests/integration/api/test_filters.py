import httpx
import pytest


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """SQLite alone: values are looked up in memory."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/candidates"])
async def test_filter_by_a_misspelt_value_names_the_nearest_one(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json={"filter": {"genre": ["Comedie", "horror", "x"]}})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "filter.genre", "reason": "no item has 'Comedie' (and 1 more); did you mean comedy?"}
    ]


async def test_filter_by_a_value_unlike_all_others_names_the_known_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/users/ada/recommendations?filter=genre:western")

    assert answer.json()["errors"] == [
        {"field": "filter.genre", "reason": "no item has 'western'; known are: comedy, horror"}
    ]


async def test_filter_by_a_misspelt_field_names_the_nearest_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/candidates?filter=Genres:comedy")

    assert answer.json()["errors"] == [
        {"field": "filter.Genres", "reason": "items cannot be filtered by it; did you mean genre?"}
    ]


async def test_filter_by_a_value_of_a_new_item_finds_it_at_once(client: httpx.AsyncClient) -> None:
    await client.put("/v1/items/new", json={"attributes": {"genre": ["Science-Fiction"]}})

    for body in ({}, {"ratings": [{"item_id": "i1", "rating": 5}]}):
        for path in ("/v1/recommendations", "/v1/candidates"):
            answer = await client.post(path, json=body | {"filter": {"genre": ["SCIENCE-FICTION"]}})
            assert [item["item_id"] for item in answer.json()["items"]] == ["new"], (path, body)


async def test_filter_by_a_value_whose_items_are_deleted_gives_an_empty_list(client: httpx.AsyncClient) -> None:
    for item in range(0, 40, 2):
        await client.delete(f"/v1/items/i{item}")

    answer = await client.get("/v1/users/ada/recommendations?filter=genre:horror")

    assert (answer.status_code, answer.json()["items"]) == (200, [])
