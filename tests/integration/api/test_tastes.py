"""Tastes in words."""

import httpx

TASTES = "/v1/users/ada/tastes"


async def test_tastes_of_a_user_who_rated_name_what_the_user_likes_and_dislikes(client: httpx.AsyncClient) -> None:
    ratings = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
    await client.post("/v1/users/ada/ratings", json={"ratings": ratings})

    tastes = (await client.get(TASTES, params={"n": 1})).json()

    assert [(each["value"], each["rating"]) for each in tastes["likes"]] == [("comedy", None)]
    assert [(each["value"], each["rating"]) for each in tastes["dislikes"]] == [("horror", None)]
    assert tastes["likes"][0]["share"] > tastes["likes"][0]["share_of_strangers"]


async def test_tastes_show_what_the_user_answered_about_them(client: httpx.AsyncClient) -> None:
    ratings = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
    await client.post("/v1/users/ada/ratings", json={"ratings": ratings})
    confirmed = {"kind": "attribute", "field": "genre", "value": "comedy", "rating": 5}

    await client.post("/v1/users/ada/answers", json={"answers": [confirmed]})

    likes = (await client.get(TASTES)).json()["likes"]
    assert ("comedy", 5.0) in [(each["value"], each["rating"]) for each in likes]


async def test_tastes_of_an_unknown_user_are_empty(client: httpx.AsyncClient) -> None:
    tastes = (await client.get(TASTES)).json()

    assert (tastes["user_id"], tastes["likes"], tastes["dislikes"]) == ("ada", [], [])
