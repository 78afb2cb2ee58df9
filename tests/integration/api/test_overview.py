import httpx
import pytest

from app.observability.recent import RecentCount
from app.services import overview as overview_service
from app.services import recommendations

OVERVIEW = "/v1/overview"


@pytest.fixture(autouse=True)
def _lists_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts the lists of one test alone: those of former tests would leave the last minute in the middle of it."""
    lists = RecentCount(clock=lambda: 0.0)
    monkeypatch.setattr(recommendations, "LISTS", lists)
    monkeypatch.setattr(overview_service, "LISTS", lists)


async def test_overview_counts_what_is_stored(client: httpx.AsyncClient) -> None:
    rating = {"ratings": [{"item_id": "i1", "rating": 5}]}
    await client.post("/v1/users/ada/ratings", json=rating)
    await client.post("/v1/users/bob/interactions", json={"interactions": [{"item_id": "i2", "kind": "view"}]})
    await client.delete("/v1/items/i3")
    for _ in range(2):  # the second one comes from the cache
        await client.get("/v1/users/ada/recommendations")

    overview = (await client.get(OVERVIEW)).json()

    counts = {name: overview[name] for name in ("users", "items", "ratings", "interactions")}
    assert counts == {"users": 2, "items": 39, "ratings": 1, "interactions": 1}
    assert overview["traffic"] == (await client.get("/v1/model-traffic")).json()
    assert overview["lists_per_minute"] == 4  # both POSTs answer with a list too
    assert overview["problems"] == []


async def test_list_users_in_pages_lists_every_user_once(client: httpx.AsyncClient) -> None:
    for user in ("ada", "bob", "eve"):
        await client.put(f"/v1/users/{user}", json={"attributes": {"country": "fr"}})
    await client.post("/v1/users/bob/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})

    first = (await client.get("/v1/users", params={"limit": 2})).json()
    second = (await client.get("/v1/users", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [(user["user_id"], user["rating_count"]) for user in first["items"] + second["items"]] == [
        ("ada", 0),
        ("bob", 1),
        ("eve", 0),
    ]
    assert second["next_cursor"] is None
    assert first["items"][0] == (await client.get("/v1/users/ada")).json()
