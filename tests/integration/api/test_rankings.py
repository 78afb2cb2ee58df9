import httpx
import pytest

RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]


async def ranked(client: httpx.AsyncClient, **body: object) -> dict:
    answer = await client.post("/v1/rankings", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_rank_items_gives_each_known_item_once_and_names_the_others(client: httpx.AsyncClient) -> None:
    page = await ranked(client, item_ids=["i30", "i7", "nothing", "i7", "i8"], ratings=RATINGS)

    assert {item["item_id"] for item in page["items"]} == {"i7", "i8", "i30"}
    assert page["unknown_item_ids"] == ["nothing"]
    assert [item["rank"] for item in page["items"]] == [1, 2, 3]
    assert sum(item["choice_probability"] for item in page["items"]) == pytest.approx(1.0, abs=1e-5)
    assert page["next_cursor"] is None


async def test_rank_items_for_a_stored_user_equals_the_ranking_for_a_visitor(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS, "attributes": {"country": "fr"}})
    item_ids = [f"i{item}" for item in range(40)]

    of_user = await ranked(client, item_ids=item_ids, user_id="ada", explain=True)

    assert of_user == await ranked(
        client, item_ids=item_ids, ratings=RATINGS, attributes={"country": "fr"}, explain=True
    )
    assert len(of_user["items"]) == 40  # with the rated ones


async def test_rank_items_by_rating_orders_by_the_predicted_ratings(client: httpx.AsyncClient) -> None:
    page = await ranked(client, item_ids=["i10", "i11", "i12", "i13"], ratings=RATINGS, rank_by="rating")

    predicted = [item["predicted_rating"] for item in page["items"]]
    assert predicted == sorted(predicted, reverse=True)
    assert {page["items"][0]["item_id"], page["items"][1]["item_id"]} == {"i11", "i13"}


async def test_rank_items_that_are_all_unknown_is_an_empty_ranking(client: httpx.AsyncClient) -> None:
    page = await ranked(client, item_ids=["a", "b"], user_id="nobody")

    assert page["items"] == []
    assert page["unknown_item_ids"] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "item_ids"),
        ({"item_ids": []}, "item_ids"),
        ({"item_ids": ["i1"] * 1001}, "item_ids"),
        ({"item_ids": ["i1"], "user_id": "ada", "ratings": RATINGS}, "body"),
        ({"item_ids": ["i1"], "ratings": [{"item_id": "nothing", "rating": 5}]}, "ratings.0.item_id"),
        ({"item_ids": ["i1"], "attributes": {"shoe_size": 3}}, "attributes.shoe_size"),
    ],
)
async def test_rank_items_with_a_wrong_request_names_the_field(
    client: httpx.AsyncClient, body: dict, field: str
) -> None:
    answer = await client.post("/v1/rankings", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
