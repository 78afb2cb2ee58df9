"""A guest who signs in: all that is stored about the guest belongs to the user afterwards."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx

from app.main import create_app
from app.settings import Settings
from app.storage.tables import Base
from tests.integration.running import connected

EARLY, LATE = "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"
NOTHING = {"merged": False, "ratings": 0, "interactions": 0, "skips": 0, "answers": 0, "events": 0}


async def merge(client: httpx.AsyncClient, guest: str = "guest", into: str = "ada") -> dict[str, Any]:
    answer = await client.post(f"/v1/users/{guest}:merge-into", json={"into": into})
    assert answer.status_code == 200, answer.text
    merged: dict[str, Any] = answer.json()
    return merged


async def rate(client: httpx.AsyncClient, user: str, *ratings: tuple[str, int, str], **more: object) -> None:
    given = [{"item_id": item, "rating": rating, "rated_at": moment} for item, rating, moment in ratings]
    answer = await client.post(f"/v1/users/{user}/ratings", json={"ratings": given, **more})
    assert answer.status_code == 200, answer.text


async def interact(client: httpx.AsyncClient, user: str, *interactions: tuple[str, str, str]) -> None:
    given = [{"event_id": event, "item_id": item, "kind": kind} for event, item, kind in interactions]
    answer = await client.post(f"/v1/users/{user}/interactions", json={"interactions": given})
    assert answer.status_code == 200, answer.text


async def send_events(client: httpx.AsyncClient, user: str, *types: str) -> str:
    version: str = (await client.get("/v1/model-traffic")).json()["active"]
    events = [
        {"event_id": f"{user}-{kind}", "type": kind, "model_version": version, "user_id": user, "item_id": "i1"}
        | ({"rating": 4} if kind == "rated" else {})
        for kind in types
    ]
    assert (await client.post("/v1/events", json={"events": events})).status_code == 200
    return version


async def listed(client: httpx.AsyncClient, what: str, user: str = "ada") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/users/{user}/{what}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_every_table_of_what_users_did_is_merged() -> None:
    """Where this fails, a table is new: `UserMergeRepository.merge` has to move its rows, and a test has to show it."""
    tables = {name for name, table in Base.metadata.tables.items() if "user_id" in table.c}

    assert tables == {"ratings", "interactions", "skips", "answers", "events", "predicted_ratings"}


async def test_merge_moves_all_that_the_guest_did(client: httpx.AsyncClient) -> None:
    await client.put("/v1/users/ada", json={})
    await rate(client, "guest", ("i1", 5, EARLY), ("i2", 1, LATE))
    await interact(client, "guest", ("e1", "i3", "purchase"))
    await client.post("/v1/users/guest/skips", json={"item_ids": ["i4"]})
    pair = {"kind": "pair", "item_ids": ["i5", "i6"], "preferred": "i6"}
    await client.post("/v1/users/guest/answers", json={"answers": [pair]})
    version = await send_events(client, "guest", "shown", "clicked", "rated")
    before = (await client.get(f"/v1/model-versions/{version}/report")).json()

    moved = {"ratings": 2, "interactions": 1, "skips": 1, "answers": 1, "events": 3}
    assert await merge(client) == {"merged": True, **moved}

    ratings = [(each["item_id"], each["rating"]) for each in await listed(client, "ratings")]
    assert ratings == [("i1", 5.0), ("i2", 1.0)]
    assert [each["event_id"] for each in await listed(client, "interactions")] == ["e1"]
    assert [each["item_id"] for each in await listed(client, "skips")] == ["i4"]
    assert [each["preferred"] for each in await listed(client, "answers")] == ["i6"]
    assert (await client.get("/v1/users/guest")).status_code == 404
    assert (await client.get(f"/v1/model-versions/{version}/report")).json() == before
    assert before["measured_ratings"] > 0


async def test_erasing_the_user_after_a_merge_erases_what_the_guest_did(client: httpx.AsyncClient) -> None:
    await rate(client, "guest", ("i1", 5, EARLY))
    version = await send_events(client, "guest", "shown", "rated")
    await merge(client)

    assert (await client.delete("/v1/users/ada")).status_code == 204

    report = (await client.get(f"/v1/model-versions/{version}/report")).json()
    assert (report["users"], report["shown"], report["measured_ratings"]) == (0, 0, 0)


async def test_merge_keeps_the_later_rating_of_an_item(client: httpx.AsyncClient) -> None:
    await rate(client, "ada", ("i1", 1, EARLY), ("i2", 1, LATE), ("i3", 1, EARLY))
    await rate(client, "guest", ("i1", 5, LATE), ("i2", 5, EARLY), ("i3", 5, EARLY))

    assert (await merge(client))["ratings"] == 1

    assert [each["rating"] for each in await listed(client, "ratings")] == [5.0, 1.0, 1.0]


async def test_merge_lets_ratings_of_either_user_replace_skips_of_the_other(client: httpx.AsyncClient) -> None:
    await rate(client, "ada", ("i1", 1, EARLY))
    await rate(client, "guest", ("i2", 5, EARLY))
    await client.post("/v1/users/ada/skips", json={"item_ids": ["i2", "i3"]})
    await client.post("/v1/users/guest/skips", json={"item_ids": ["i1", "i3", "i4"]})

    assert (await merge(client))["skips"] == 1

    assert [each["item_id"] for each in await listed(client, "ratings")] == ["i1", "i2"]
    assert [each["item_id"] for each in await listed(client, "skips")] == ["i3", "i4"]


async def test_merge_of_interactions_with_equal_event_ids_loses_and_repeats_none(client: httpx.AsyncClient) -> None:
    await interact(client, "ada", ("same", "i1", "view"), ("other", "i1", "view"))
    await interact(client, "guest", ("same", "i1", "view"), ("other", "i2", "purchase"), ("new", "i3", "view"))

    assert (await merge(client))["interactions"] == 2

    stored = {each["event_id"]: (each["item_id"], each["kind"]) for each in await listed(client, "interactions")}
    assert {name: stored.pop(name) for name in ("same", "other", "new")} == {
        "same": ("i1", "view"),
        "other": ("i1", "view"),
        "new": ("i3", "view"),
    }
    assert list(stored.values()) == [("i2", "purchase")]


async def test_merge_keeps_the_users_attributes_and_takes_missing_ones_from_the_guest(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/v1/users/ada", json={"attributes": {"age": 36}})
    await client.put("/v1/users/guest", json={"attributes": {"age": 20, "country": "fr"}})

    await merge(client)

    assert (await client.get("/v1/users/ada")).json()["attributes"] == {"age": 36.0, "country": "fr"}


async def test_merge_into_an_unknown_user_creates_the_user(client: httpx.AsyncClient) -> None:
    await rate(client, "guest", ("i1", 5, EARLY), attributes={"country": "fr"})

    assert (await merge(client))["merged"]

    user = (await client.get("/v1/users/ada")).json()
    assert (user["attributes"], user["rating_count"]) == ({"country": "fr"}, 1)


async def test_merge_of_an_unknown_guest_changes_nothing(client: httpx.AsyncClient) -> None:
    assert await merge(client) == NOTHING
    assert (await client.get("/v1/users/ada")).status_code == 404


async def test_merge_again_moves_only_what_has_arrived_in_between(client: httpx.AsyncClient) -> None:
    await rate(client, "guest", ("i1", 5, EARLY))
    await merge(client)
    assert await merge(client) == NOTHING

    await send_events(client, "guest", "shown")
    assert await merge(client) == NOTHING | {"merged": True, "events": 1}
    await rate(client, "guest", ("i2", 5, EARLY))
    assert await merge(client) == NOTHING | {"merged": True, "ratings": 1}

    assert [each["item_id"] for each in await listed(client, "ratings")] == ["i1", "i2"]


async def test_merge_of_a_user_into_itself_is_refused_and_changes_nothing(client: httpx.AsyncClient) -> None:
    await rate(client, "ada", ("i1", 5, EARLY))

    answer = await client.post("/v1/users/ada:merge-into", json={"into": "ada"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "into", "reason": "is the user itself: name the user to merge into"}]
    assert len(await listed(client, "ratings")) == 1


async def test_merge_changes_the_cached_list_of_the_user(client: httpx.AsyncClient) -> None:
    await rate(client, "ada", ("i1", 5, EARLY))
    await rate(client, "guest", ("i2", 1, EARLY), ("i4", 5, EARLY))
    path = "/v1/users/ada/recommendations?n=40"
    before = {each["item_id"] for each in (await client.get(path)).json()["items"]}

    await merge(client)

    assert before - {each["item_id"] for each in (await client.get(path)).json()["items"]} == {"i2", "i4"}


async def test_merge_of_a_guest_of_events_alone_keeps_dismissed_items_out_of_the_list(
    client: httpx.AsyncClient,
) -> None:
    await rate(client, "ada", ("i1", 5, EARLY))
    path = "/v1/users/ada/recommendations?n=40"
    before = {each["item_id"] for each in (await client.get(path)).json()["items"]}
    version = (await client.get("/v1/model-traffic")).json()["active"]
    dismissed = {"event_id": "e", "type": "dismissed", "model_version": version, "user_id": "guest", "item_id": "i2"}
    assert (await client.post("/v1/events", json={"events": [dismissed]})).status_code == 200

    assert await merge(client) == NOTHING | {"merged": True, "events": 1}

    assert before - {each["item_id"] for each in (await client.get(path)).json()["items"]} == {"i2"}


async def test_merge_of_a_guest_with_a_special_id_finds_the_guest(client: httpx.AsyncClient) -> None:
    for guest in ("a:b", "a/b", "x:merge-into", "ä b"):
        path = f"/v1/users/{quote(guest, safe='')}"
        assert (await client.put(path, json={})).json()["user_id"] == guest

        assert (await client.post(f"{path}:merge-into", json={"into": "ada"})).json()["merged"], guest


async def test_another_method_of_a_merge_is_not_taken_for_a_user(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "GET", "DELETE", "PATCH"):
        answer = await client.request(method, "/v1/users/ada:merge-into", json={})

        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_merges_at_the_same_time_move_everything_once(client: httpx.AsyncClient, settings: Settings) -> None:
    guests = [f"guest{number}" for number in range(4)]
    for number, guest in enumerate(guests):
        await rate(client, guest, (f"i{number}", 5, EARLY), ("i9", 1 + number % 5, LATE))
    async with connected(create_app(settings)) as replica:
        answers = await asyncio.gather(
            *(merge(server, guest) for guest in guests for server in (client, replica) for _ in range(2))
        )

    assert sum(answer["merged"] for answer in answers) == len(guests)
    assert [each["item_id"] for each in await listed(client, "ratings")] == [*(f"i{n}" for n in range(4)), "i9"]


async def test_merges_in_both_directions_at_the_same_time_keep_one_user_with_everything(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    async with connected(create_app(settings)) as replica:
        for turn in range(3):
            users = [f"a{turn}", f"b{turn}"]
            for number, user in enumerate(users):
                await rate(client, user, (f"i{number}", 5, EARLY))
            await asyncio.gather(merge(client, *users), merge(replica, *reversed(users)))

            counts = [(await client.get(f"/v1/users/{user}")) for user in users]
            assert sorted(answer.status_code for answer in counts) == [200, 404]
            assert [answer.json()["rating_count"] for answer in counts if answer.status_code == 200] == [2]


async def test_merge_while_the_guest_and_the_user_rate_loses_no_rating(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    await rate(client, "guest", ("i0", 5, EARLY))
    async with connected(create_app(settings)) as replica:
        await asyncio.gather(
            *(rate(replica, "guest", (f"i{item}", 5, EARLY)) for item in range(1, 10)),
            *(merge(client) for _ in range(5)),
            *(rate(replica, "ada", (f"i{item}", 5, EARLY)) for item in range(10, 20)),
        )
    await merge(client)

    assert {each["item_id"] for each in await listed(client, "ratings")} == {f"i{item}" for item in range(20)}


async def test_merge_keeps_the_later_answer_to_a_question(client: httpx.AsyncClient) -> None:
    def answers(*given: tuple[str, int | None, str]) -> dict[str, object]:
        return {
            "answers": [
                {"kind": "attribute", "field": "genre", "value": value, "rating": rating, "answered_at": moment}
                for value, rating, moment in given
            ]
        }

    await client.post("/v1/users/ada/answers", json=answers(("comedy", 1, EARLY), ("horror", 1, LATE)))
    await client.post("/v1/users/guest/answers", json=answers(("comedy", 5, LATE), ("horror", None, EARLY)))

    assert (await merge(client))["answers"] == 1

    kept = {each["value"]: each["rating"] for each in await listed(client, "answers")}
    assert kept == {"comedy": 5.0, "horror": 1.0}
