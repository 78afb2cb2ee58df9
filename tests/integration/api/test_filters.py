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


async def test_ranges_negations_and_all_of_several_values_hold_in_queries_and_in_bodies(
    client: httpx.AsyncClient,
) -> None:
    years = {"a": 1989, "b": 1990, "c": 1999, "d": 2000, "e": None}
    genres = {"a": ["comedy", "noir"], "b": ["comedy"], "c": ["Noir", "comedy"], "d": ["noir"], "e": ["horror"]}
    await client.post(
        "/v1/items:batch",
        json={
            "items": [{"item_id": name, "attributes": {"genre": genres[name], "year": years[name]}} for name in years]
        },
    )
    for query, body, expected in (
        (["year.from:1990", "year.to:1999"], {"year": {"from": 1990, "to": 1999}}, {"b", "c"}),
        (["year:1990", "year:2000"], {"year": [1990, "2000"]}, {"b", "d"}),
        (["genre.all:comedy", "genre.all:noir"], {"genre": {"all": ["comedy", "noir"]}}, {"a", "c"}),
        (["genre:noir", "genre.not:comedy"], {"genre": {"any": ["noir"], "not": ["comedy"]}}, {"d"}),
    ):
        lists = [
            await client.get("/v1/lists/latest", params={"filter": query, "n": 100}),
            await client.get("/v1/users/ada/recommendations", params={"filter": query, "n": 100}),
            await client.post("/v1/recommendations", json={"filter": body, "n": 100}),
            await client.post("/v1/items:similar", json={"item_ids": ["i1"], "filter": body, "n": 100}),
        ]
        for answer in lists:
            assert {item["item_id"] for item in answer.json()["items"]} & {*years} == expected, (query, answer.text)

    unknown = {"filter": {"year": {"not": [1990]}}, "n": 100}
    assert "e" in {item["item_id"] for item in (await client.post("/v1/recommendations", json=unknown)).json()["items"]}


@pytest.mark.parametrize(
    ("filter_", "field", "reason"),
    [
        ({"genre": {"from": 1}}, "filter.genre.from", "the field has categories, and no numbers"),
        ({"genre": {"not": [5]}}, "filter.genre.not", "5.0 is a number, and the values are strings"),
        ({"genre": {"all": ["comdy"]}}, "filter.genre.all", "no item has 'comdy'; did you mean comedy?"),
        ({"year": ["old"]}, "filter.year", "'old' is not a finite number"),
        ({"year": {"from": 2, "to": 1}}, "filter.year.from", "must not be more than `to`"),
        ({"year": {"form": 2}}, "filter.year.form", "is not a field of this request; did you mean from?"),
    ],
)
async def test_condition_that_a_field_does_not_have_is_refused_by_name(
    client: httpx.AsyncClient, filter_: dict, field: str, reason: str
) -> None:
    for body, place in (({"filter": filter_}, ""), ({"boosts": [{"factor": 2, "filter": filter_}]}, "boosts.0.")):
        answer = await client.post("/v1/recommendations", json=body)

        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"field": place + field, "reason": reason}]
