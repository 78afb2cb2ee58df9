"""Explanations of users' lists, on the two-tastes data: films with odd numbers are comedies, the others horror."""

from datetime import UTC, datetime

import httpx

RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
LIST, EXPLANATION = "/v1/users/ada/recommendations", "/v1/users/ada/recommendations:explain"


async def send(client: httpx.AsyncClient, *events: tuple[str, str]) -> None:
    version = (await client.get("/v1/model-traffic")).json()["active"]
    moment = datetime.now(UTC).isoformat()
    sent = [
        {
            "event_id": str(number),
            "type": type_,
            "model_version": version,
            "user_id": "ada",
            "item_id": item_id,
            "occurred_at": moment,
        }
        for number, (type_, item_id) in enumerate(events)
    ]
    assert (await client.post("/v1/events", json={"events": sent})).status_code == 200


async def test_explanation_says_what_the_user_gave_what_the_model_concluded_and_what_moved_each_item(
    client: httpx.AsyncClient,
) -> None:
    body = {"ratings": RATINGS, "attributes": {"country": "fr"}}
    assert (await client.post("/v1/users/ada/ratings", json=body)).status_code == 200
    before = [item["item_id"] for item in (await client.get(LIST, params={"n": 5})).json()["items"]]
    await send(client, ("shown", before[0]), ("clicked", before[0]), ("dismissed", before[1]))

    found = (await client.get(EXPLANATION, params={"n": 5})).json()

    given = found["given"]
    assert given["attributes"] == {"country": "fr"}
    counts = [given[f"{name}_count"] for name in ("rating", "shown", "clicked", "dismissed")]
    assert counts == [6, 1, 1, 1]
    assert {"item_id": "i1", "title": "Film 1", "rating": 5.0, "kind": None} in given["ratings"]
    likes, dislikes = found["tastes"]["likes"], found["tastes"]["dislikes"]
    assert (likes[0]["value"], dislikes[0]["value"]) == ("comedy", "horror")
    assert likes[0]["share"] > likes[0]["share_of_strangers"]
    explained = {item["item_id"]: item for item in [*found["items"], *found["left_out"]]}
    seen, dismissed = explained[before[0]], explained[before[1]]
    assert (seen["rank_without_rules"], seen["times_seen"]) == (1, 2)
    assert [change["rule"] for change in seen["changes"] if change["factor"] is not None] == ["shown"]
    assert 0.25 <= seen["changes"][-1]["factor"] < 0.26
    assert dismissed in found["left_out"]
    assert [change["rule"] for change in dismissed["changes"]] == ["dismissed"]


async def test_explained_list_is_the_list_with_the_same_parameters(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})
    for params in (
        {"n": 4},
        {"n": 4, "filter": "genre:horror", "rank_by": "rating"},
        {"n": 4, "diversity": 0.9, "shown": "i7"},
    ):
        listed = (await client.get(LIST, params={**params, "explain": "true"})).json()
        explained = (await client.get(EXPLANATION, params=params)).json()
        assert explained["next_cursor"] == listed["next_cursor"]
        for plain, with_position in zip(listed["items"], explained["items"], strict=True):
            assert plain["item_id"] == with_position["item_id"]
            assert plain["because"] == with_position["because"]

    page = {"n": 4, "cursor": listed["next_cursor"]}
    assert [item["rank"] for item in (await client.get(EXPLANATION, params=page)).json()["items"]] == [5, 6, 7, 8]


async def test_list_of_a_stranger_is_explained_by_popularity_alone(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/users/nobody/recommendations:explain", params={"diversity": 0})).json()

    assert found["ranked_by"] == "popularity"
    assert found["tastes"] == {"likes": [], "dislikes": []}
    assert found["given"]["ratings"] == []
    assert all(item["changes"] == [] for item in found["items"])
    assert [item["rank_without_rules"] for item in found["items"]] == list(range(1, 11))


async def test_boosts_and_pinned_items_of_a_scenario_are_rules(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})
    boosts = [{"factor": 1000, "filter": {"genre": ["horror"]}}]
    await client.put("/v1/scenarios/home", json={"n": 5, "boosts": boosts, "pinned": ["i39"]})

    items = (await client.get(EXPLANATION, params={"scenario": "home"})).json()["items"]

    assert items[0]["item_id"] == "i39"
    assert [change["rule"] for change in items[0]["changes"]][-1] == "pinned"
    boosted = items[1]["changes"][0]
    assert (boosted["rule"], round(boosted["factor"]), boosted["places"]) == ("boost", 1000, None)


async def test_explanation_refuses_what_the_list_refuses(client: httpx.AsyncClient) -> None:
    for params in ({"filter": "mood:gloomy"}, {"explain": "true"}, {"n": 0}):
        assert (await client.get(EXPLANATION, params=params)).status_code == 422
