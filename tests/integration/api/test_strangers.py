"""The list for unknown users: a setting, a scenario or a request says which it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.settings import Settings
from app.storage.database import Database
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository


async def choose(database: Database, item_id: str, users: int, *, days_ago: float = 0.5) -> None:
    """Let so many users rate an item."""
    rating = RatingRecord(item_id, 4, datetime.now(UTC) - timedelta(days=days_ago))
    names = [f"{item_id} {number}" for number in range(users)]
    async with database.write() as session:
        await UserRepository(session).save(dict.fromkeys(names))
        await RatingRepository(session).save((name, rating) for name in names)


async def listed(client: httpx.AsyncClient, user_id: str = "stranger", **params: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = await client.get(f"/v1/users/{user_id}/recommendations", params=params)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in page["items"]]


async def test_list_of_a_stranger_follows_the_list_that_the_request_names(
    client: httpx.AsyncClient, database: Database
) -> None:
    await choose(database, "i5", 14)
    await choose(database, "i8", 20, days_ago=10)
    usual = await listed(client)

    trending = await listed(client, strangers="trending")
    popular = await listed(client, strangers="popular:7")
    longer = await listed(client, strangers="popular:30")
    latest = await listed(client, strangers="latest", n=3)

    assert (usual["ranked_by"], trending["ranked_by"], popular["ranked_by"]) == ("popularity", "trending", "popular")
    assert ids(trending)[0] == ids(popular)[0] == "i5"
    assert ids(longer)[:2] == ["i8", "i5"]
    assert (latest["ranked_by"], ids(latest)) == ("latest", ["i39", "i38", "i37"])
    assert len(set(ids(trending))) == 10  # the list of trending items has one; popular ones follow
    assert await listed(client, strangers="diverse") == await listed(client)


async def test_filters_pins_boosts_and_exclusions_hold_in_a_followed_list(client: httpx.AsyncClient) -> None:
    body = {"strangers": "latest", "n": 4, "filter": {"genre": ["horror"]}, "exclude": ["i36"], "pinned": ["i2"]}
    plain = (await client.post("/v1/recommendations", json=body)).json()
    boosts = [{"factor": 10, "item_ids": ["i32"]}]
    boosted = (await client.post("/v1/recommendations", json={**body, "boosts": boosts})).json()

    assert ids(plain) == ["i2", "i38", "i34", "i32"]
    assert ids(boosted) == ["i2", "i32", "i38", "i34"]


async def test_shown_and_dismissed_items_fall_and_pages_do_not_repeat(client: httpx.AsyncClient) -> None:
    page = await listed(client, strangers="latest", n=3)
    event = {"user_id": "stranger", "model_version": page["model_version"]}
    events = [
        {**event, "event_id": "1", "type": "dismissed", "item_id": "i39"},
        {**event, "event_id": "2", "type": "shown", "item_id": "i38"},
        {**event, "event_id": "3", "type": "shown", "item_id": "i38"},  # so its place counts four times
    ]
    assert (await client.post("/v1/events", json={"events": events})).status_code == 200

    first = await listed(client, strangers="latest", n=3)
    second = await listed(client, strangers="latest", n=3, cursor=first["next_cursor"])

    assert ids(first) == ["i37", "i36", "i38"]
    assert ids(second) == ["i35", "i34", "i33"]


async def test_known_user_gets_a_personal_list(client: httpx.AsyncClient) -> None:
    ratings = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(6)]
    await client.post("/v1/users/ada/ratings", json={"ratings": ratings})

    followed, usual = await listed(client, "ada", strangers="latest"), await listed(client, "ada")

    assert followed["ranked_by"] == "choice"
    assert ids(followed) == ids(usual)


async def test_stored_user_of_whom_nothing_is_known_sees_a_trend_at_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.put("/v1/users/bob", json={})
    await client.put("/v1/items/new", json={"attributes": {"year": 2030}})
    assert ids(await listed(client, "bob", strangers="latest"))[0] == "new"
    assert (await listed(client, "bob"))["ranked_by"] == "popularity"
    await choose(database, "i5", 14)

    assert ids(await listed(client, "bob", strangers="trending"))[0] == "i5"


async def test_scenario_says_it_and_the_request_has_precedence(client: httpx.AsyncClient) -> None:
    stored = await client.put("/v1/scenarios/home", json={"strangers": "latest"})
    assert stored.json()["strangers"] == "latest"

    assert (await listed(client, scenario="home"))["ranked_by"] == "latest"
    assert (await listed(client, scenario="home", strangers="diverse"))["ranked_by"] == "popularity"


async def test_explanation_is_of_the_followed_list(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/v1/users/stranger/recommendations:explain", params={"strangers": "latest", "n": 2, "shown": "i39"}
    )

    explained = answer.json()
    assert explained["ranked_by"] == "latest"
    assert ids(explained) == ["i38", "i39"]
    assert [item["rank_without_rules"] for item in explained["items"]] == [2, 1]


@pytest.mark.parametrize("given", ["newest", "popular:0", "diverse:7"])
async def test_wrong_name_is_refused_by_field(client: httpx.AsyncClient, given: str) -> None:
    for answer in (
        await client.get("/v1/users/ada/recommendations", params={"strangers": given}),
        await client.post("/v1/recommendations", json={"strangers": given}),
        await client.put("/v1/scenarios/home", json={"strangers": given}),
    ):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "strangers"
        assert error["reason"].startswith("must be diverse, popular, trending or latest")


class TestSetting:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"strangers": "latest"})

    async def test_setting_is_the_default(self, client: httpx.AsyncClient) -> None:
        assert (await listed(client))["ranked_by"] == "latest"
        assert (await client.post("/v1/recommendations", json={})).json()["ranked_by"] == "latest"
        assert (await listed(client, strangers="diverse"))["ranked_by"] == "popularity"
