"""Scenarios change lists without a release, and events say how their lists do."""

from typing import Any

import httpx
import pytest

RATINGS = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
HORROR = {"boosts": [{"factor": 1e6, "filter": {"genre": ["horror"]}}]}


async def put(client: httpx.AsyncClient, name: str, **settings: object) -> dict[str, Any]:
    answer = await client.put(f"/v1/scenarios/{name}", json=settings)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(client: httpx.AsyncClient, user_id: str = "ada", **params: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = await client.get(f"/v1/users/{user_id}/recommendations", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def genres(page: dict[str, Any]) -> set[str]:
    return {"comedy" if int(item["item_id"][1:]) % 2 else "horror" for item in page["items"]}


async def test_scenario_is_stored_listed_and_deleted(client: httpx.AsyncClient) -> None:
    conditions = {"genre": {"not": ["comedy"]}, "year": {"from": 1950.0, "to": 2050.0}}
    stored = await put(client, "home", n=4, diversity=0.3, filter=conditions, **HORROR)
    await put(client, "basket", percent=50)

    assert stored["filter"] == conditions
    assert genres(await listed(client, scenario="home")) == {"horror"}
    assert stored["boosts"] == [{"factor": 1e6, "item_ids": None, "filter": {"genre": ["horror"]}}]
    assert (await client.get("/v1/scenarios/home")).json() == stored
    assert [item["name"] for item in (await client.get("/v1/scenarios")).json()["items"]] == ["basket", "home"]
    assert (await client.delete("/v1/scenarios/home")).status_code == 204
    assert (await client.get("/v1/scenarios/home")).status_code == 404
    answer = await client.get("/v1/users/ada/recommendations", params={"scenario": "home"})
    assert answer.json()["errors"] == [{"field": "scenario", "reason": "is not a scenario"}]


async def test_list_of_a_scenario_has_its_settings_and_the_request_has_precedence(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users/ada/ratings", json={"ratings": RATINGS})
    await put(client, "home", n=4, exclude=["i38"], **HORROR)

    of_scenario = await listed(client, scenario="home")
    own_length = await listed(client, scenario="home", n=7)
    visitor = await client.post("/v1/recommendations", json={"ratings": RATINGS, "scenario": "home"})

    assert (len(of_scenario["items"]), genres(of_scenario)) == (4, {"horror"})
    assert (len(own_length["items"]), genres(own_length)) == (7, {"horror"})
    assert visitor.json()["items"] == of_scenario["items"]
    await put(client, "home", n=5)  # in force with the next request, whatever is cached
    assert (len((await listed(client, scenario="home"))["items"]), genres(await listed(client, scenario="home"))) == (
        5,
        {"comedy"},
    )


async def test_control_group_of_a_scenario_gets_the_usual_lists(client: httpx.AsyncClient) -> None:
    await put(client, "home", n=4, percent=50)

    pages = [await listed(client, f"user {number}", scenario="home") for number in range(40)]

    for page in pages:
        _, scenario, variant = page["recommendation_id"].split(".")
        assert scenario == "home"
        assert len(page["items"]) == (4 if variant == "scenario" else 10)
    assert 8 <= sum(len(page["items"]) == 4 for page in pages) <= 32


async def test_candidates_of_a_scenario_have_its_strategy(client: httpx.AsyncClient) -> None:
    await put(client, "welcome", strategy="popularity")

    popular = await client.get("/v1/candidates", params={"strategy": "popularity"})
    asked = await client.get("/v1/candidates", params={"scenario": "welcome"})

    assert asked.json() == popular.json()
    assert (await client.post("/v1/candidates", json={"scenario": "welcome"})).json() == popular.json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"n": 0}, "n"),
        ({"filter": {"genre": ["noir"]}}, "filter.genre"),
        ({"percent": 101}, "percent"),
        ({"boosts": [{"factor": 2, "filter": {"shoe": ["x"]}}]}, "boosts.0.filter.shoe"),
    ],
)
async def test_wrong_scenario_is_refused_by_field_and_stored_nowhere(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.put("/v1/scenarios/home", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await client.get("/v1/scenarios/home")).status_code == 404


async def test_clicks_are_attributed_to_scenario_position_version_and_list(client: httpx.AsyncClient) -> None:
    await put(client, "home", n=3)
    page = await listed(client, scenario="home")
    elsewhere = await listed(client, n=2)
    events = []
    for user in range(4):
        for source in (page, elsewhere):
            for item in source["items"]:
                event = {
                    "user_id": f"u{user}",
                    "item_id": item["item_id"],
                    "model_version": item["model_version"],
                    "recommendation_id": source["recommendation_id"],
                    "position": item["rank"],
                }
                key = f"{user} {source['recommendation_id']} {item['rank']}"
                events.append({**event, "event_id": f"shown {key}", "type": "shown"})
                if item["rank"] == 1 and user < 2:
                    events.append({**event, "event_id": f"clicked {key}", "type": "clicked"})
    assert (await client.post("/v1/events", json={"events": events})).json()["stored"] == len(events)

    async def rates(**params: str) -> dict[Any, tuple[int, int]]:
        answer = await client.get("/v1/click-rates", params=params)
        return {(row["group"], row["variant"]): (row["shown"], row["clicked"]) for row in answer.json()["items"]}

    assert await rates() == {("home", "scenario"): (12, 2), (None, None): (8, 2)}
    assert await rates(by="position") == {("1", None): (8, 4), ("2", None): (8, 0), ("3", None): (4, 0)}
    assert await rates(by="position", scenario="home") == {
        ("1", None): (4, 2),
        ("2", None): (4, 0),
        ("3", None): (4, 0),
    }
    assert await rates(by="list", scenario="home") == {(page["recommendation_id"], None): (12, 2)}
    assert await rates(by="model_version") == {(page["model_version"], None): (20, 4)}
    assert await rates(since="2100-01-01T00:00:00Z") == {}
    first = (await client.get("/v1/click-rates", params={"by": "position"})).json()["items"][0]["click_rate"]
    assert first["low"] < first["value"] == 0.5 < first["high"]


async def test_event_with_a_wrong_recommendation_id_is_refused(client: httpx.AsyncClient) -> None:
    version = (await client.get("/v1/model-traffic")).json()["active"]
    event = {"event_id": "e", "type": "shown", "user_id": "ada", "item_id": "i1", "model_version": version}

    answer = await client.post("/v1/events", json={"events": [{**event, "recommendation_id": "home"}]})

    assert answer.json()["errors"] == [{"field": "events.0.recommendation_id", "reason": "is not the id of a list"}]
