"""Interactions over the API, of a model without ratings and of one with ratings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import Settings

INTERACTIONS = "/v1/users/ada/interactions"
LIST = "/v1/users/ada/recommendations"
NOON = "2026-01-01T12:00:00Z"


@pytest.fixture
def settings(settings: Settings, implicit_model_dir: Path) -> Settings:
    """Serve the model without ratings: users buy either odd or even films."""
    return settings.model_copy(update={"model_dir": implicit_model_dir})


def purchase(item_id: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the request
    return {"item_id": item_id, "kind": "purchase", **more}


async def post(client: httpx.AsyncClient, *interactions: dict[str, Any], **params: Any) -> Any:  # noqa: ANN401 - JSON
    answer = await client.post(INTERACTIONS, json={"interactions": list(interactions)}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stored(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(INTERACTIONS)).json()["items"]
    return items


def ids(page: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in page["items"]]


async def listed(client: httpx.AsyncClient, **params: Any) -> list[str]:  # noqa: ANN401 - query parameters
    return ids((await client.get(LIST, params={"n": 40} | params)).json())


class TestAddInteractions:
    async def test_add_interactions_of_a_new_user_creates_the_user_and_recommends_what_is_alike(
        self, client: httpx.AsyncClient
    ) -> None:
        body = {
            "interactions": [purchase(f"i{item}") for item in (1, 3, 5)],
            "attributes": {"country": "fr"},
        }

        answer = (await client.post(INTERACTIONS, json=body, params={"n": 5, "explain": True})).json()

        items = answer["recommendations"]["items"]
        assert [int(item["item_id"][1:]) % 2 for item in items] == [1] * 5
        assert not {"i1", "i3", "i5"} & {item["item_id"] for item in items}
        assert {item["predicted_rating"] for item in items} == {None}
        assert {item["like_probability"] for item in items} == {None}
        reasons = [item["because"] for item in items if item["because"]]
        assert reasons
        assert {(reason["rating"], reason["kind"]) for reason in reasons} == {(None, "purchase")}
        user = (await client.get("/v1/users/ada")).json()
        assert (user["attributes"], user["rating_count"]) == ({"country": "fr"}, 0)

    async def test_add_interactions_with_a_stored_event_id_changes_nothing(self, client: httpx.AsyncClient) -> None:
        first = await post(client, purchase("i1", event_id="order-1", occurred_at=NOON))

        again = await post(client, purchase("i1", event_id="order-1", occurred_at=NOON))
        other = await post(client, {"item_id": "i2", "kind": "dislike", "event_id": "order-1"})

        expected = [{"event_id": "order-1", "item_id": "i1", "kind": "purchase", "occurred_at": NOON}]
        assert first["interactions"] == again["interactions"] == other["interactions"] == expected
        assert await stored(client) == expected

    async def test_an_event_id_of_another_user_is_another_event(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1", event_id="1"))

        answer = await client.post("/v1/users/bob/interactions", json={"interactions": [purchase("i2", event_id="1")]})

        assert answer.json()["interactions"][0]["item_id"] == "i2"
        assert [each["item_id"] for each in await stored(client)] == ["i1"]

    async def test_one_event_id_twice_in_a_request_is_stored_once(self, client: httpx.AsyncClient) -> None:
        answer = await post(client, purchase("i1", event_id="1"), purchase("i2", event_id="1"), purchase("i3"))

        assert [each["item_id"] for each in answer["interactions"]] == ["i1", "i1", "i3"]
        assert sorted(each["item_id"] for each in await stored(client)) == ["i1", "i3"]

    async def test_interactions_without_event_ids_are_all_stored(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"), purchase("i1"))

        assert len({each["event_id"] for each in await stored(client)}) == 2

    async def test_interaction_from_the_future_counts_as_of_now(self, client: httpx.AsyncClient) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)

        (each,) = (await post(client, purchase("i1", occurred_at=tomorrow.isoformat())))["interactions"]

        assert datetime.fromisoformat(each["occurred_at"]) <= datetime.now(UTC)

    @pytest.mark.parametrize(
        ("body", "field", "reason"),
        [
            ({}, "interactions", ""),
            ({"interactions": []}, "interactions", ""),
            (
                {"interactions": [purchase("i1"), {"item_id": "i2", "kind": "rent"}]},
                "interactions.1.kind",
                "is not a kind of interaction; known are: view, purchase, dislike",
            ),
            ({"interactions": [purchase("unheard-of")]}, "interactions.0.item_id", "is not in the catalogue"),
            ({"interactions": [purchase("i1", event_id="a\tb")]}, "interactions.0.event_id", ""),
            ({"interactions": [purchase("i1", occurred_at="noon")]}, "interactions.0.occurred_at", ""),
            ({"interactions": [purchase("i1", rating=5)]}, "interactions.0.rating", ""),
            ({"interactions": [purchase("i1")], "attributes": {"shoe": "44"}}, "attributes.shoe", ""),
        ],
    )
    async def test_add_interactions_with_an_invalid_field_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, body: dict[str, object], field: str, reason: str
    ) -> None:
        answer = await client.post(INTERACTIONS, json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert reason in answer.json()["detail"]
        assert (await client.get("/v1/users/ada")).status_code == 404

    async def test_add_ratings_to_a_model_without_ratings_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["ratings"]


class TestLists:
    async def test_every_stored_interaction_changes_the_cached_list(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"))
        before = await listed(client)

        await post(client, purchase("i2"), purchase("i4"), purchase("i6"))
        after = await listed(client)

        assert after == await listed(client)  # the cached one
        assert before[:5] != after[:5]
        assert set(before) - set(after) == {"i2", "i4", "i6"}

    async def test_a_withdrawn_interaction_never_happened(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1", event_id="1"))
        before = (await client.get(LIST)).json()
        await post(client, purchase("i2", event_id="2"))
        assert (await client.get(LIST)).json() != before

        answer = await client.delete(f"{INTERACTIONS}/2")

        assert answer.status_code == 204
        assert (await client.get(LIST)).json() == before
        assert [each["event_id"] for each in await stored(client)] == ["1"]

    async def test_a_disliked_item_is_in_no_list(self, client: httpx.AsyncClient) -> None:
        dislike = {"item_id": "i2", "kind": "dislike", "event_id": "no"}
        await post(client, purchase("i1"), dislike, {"item_id": "i2", "kind": "view"})

        assert "i2" not in await listed(client)
        with_known = await listed(client, include_rated=True)
        assert "i1" in with_known
        assert "i2" not in with_known

        await client.delete(f"{INTERACTIONS}/no")
        assert "i2" in await listed(client, include_rated=True)

    async def test_of_equally_strong_kinds_the_later_counts(self, client: httpx.AsyncClient) -> None:
        hour_later = "2026-01-01T13:00:00Z"
        await post(
            client,
            {"item_id": "i2", "kind": "dislike", "occurred_at": hour_later},
            purchase("i2", occurred_at=NOON),
            {"item_id": "i3", "kind": "dislike", "occurred_at": NOON},
            purchase("i3", occurred_at=hour_later),
        )

        with_known = await listed(client, include_rated=True)

        assert "i2" not in with_known
        assert "i3" in with_known

    async def test_an_interaction_with_a_deleted_item_does_not_count(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"))
        before = await listed(client)
        await post(client, purchase("i2"))

        await client.delete("/v1/items/i2")

        assert await listed(client) == [item for item in before if item != "i2"]

    async def test_items_with_interactions_are_no_candidates(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"), {"item_id": "i2", "kind": "dislike"})
        body = {"interactions": [{"item_id": "i3", "kind": "view"}], "n": 40}

        of_user = ids((await client.get("/v1/candidates", params={"user_id": "ada", "n": 40})).json())
        of_visitor = ids((await client.post("/v1/candidates", json=body)).json())

        assert {f"i{item}" for item in range(40)} - set(of_user) == {"i1", "i2"}
        assert {f"i{item}" for item in range(40)} - set(of_visitor) == {"i3"}

    async def test_list_by_ratings_that_the_model_does_not_predict_is_refused(self, client: httpx.AsyncClient) -> None:
        answers = [
            await client.get(LIST, params={"rank_by": "rating"}),
            await client.post("/v1/recommendations", json={"rank_by": "rating"}),
        ]

        for answer in answers:
            assert answer.status_code == 422
            assert answer.json()["detail"].startswith("rank_by: the active model predicts no ratings")

    async def test_list_of_a_visitor_is_that_of_a_user_who_did_the_same(self, client: httpx.AsyncClient) -> None:
        interactions = [purchase("i1", occurred_at=NOON), {"item_id": "i4", "kind": "dislike", "occurred_at": NOON}]
        await post(client, *interactions)

        visitor = (await client.post("/v1/recommendations", json={"interactions": interactions, "n": 40})).json()

        assert ids(visitor) == await listed(client)
        assert (await client.get("/v1/users/nobody")).status_code == 404

    async def test_interactions_of_a_visitor_are_checked(self, client: httpx.AsyncClient) -> None:
        wrong = [{"item_id": "none", "kind": "rent"}]
        for path in ("/v1/recommendations", "/v1/candidates"):
            answer = await client.post(path, json={"interactions": wrong})
            fields = [error["field"] for error in answer.json()["errors"]]
            assert fields == ["interactions.0.kind", "interactions.0.item_id"]

    async def test_list_of_a_stranger_is_popular_and_has_no_ratings(self, client: httpx.AsyncClient) -> None:
        answer = (await client.get("/v1/users/nobody/recommendations")).json()

        assert answer["ranked_by"] == "popularity"
        assert len(answer["items"]) == 10
        assert {item["predicted_rating"] for item in answer["items"]} == {None}


class TestListAndDelete:
    async def test_list_interactions_in_pages_lists_every_one_once(self, client: httpx.AsyncClient) -> None:
        await post(client, *[purchase("i1", event_id=f"e{number}") for number in (3, 1, 2)])

        first = (await client.get(INTERACTIONS, params={"limit": 2})).json()
        second = (await client.get(INTERACTIONS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [each["event_id"] for each in first["items"] + second["items"]] == ["e1", "e2", "e3"]
        assert second["next_cursor"] is None

    async def test_interactions_of_an_unknown_user_are_not_found(self, client: httpx.AsyncClient) -> None:
        assert (await client.get(INTERACTIONS)).status_code == 404
        assert (await client.delete(f"{INTERACTIONS}/1")).json()["type"].endswith("user-not-found")

    async def test_delete_of_an_unknown_interaction_is_not_found(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"))

        answer = await client.delete(f"{INTERACTIONS}/none")

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:interaction-not-found"

    async def test_interactions_of_a_deleted_user_are_erased(self, client: httpx.AsyncClient) -> None:
        await post(client, purchase("i1"))

        await client.delete("/v1/users/ada")
        await client.put("/v1/users/ada", json={})

        assert await stored(client) == []


class TestModelWithRatings:
    @pytest.fixture
    def settings(self, settings: Settings, model_dir: Path) -> Settings:
        return settings.model_copy(update={"model_dir": model_dir})

    async def test_interactions_adapt_lists_beside_ratings(self, client: httpx.AsyncClient) -> None:
        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})
        before = await listed(client)

        answer = await post(client, purchase("i2"), {"item_id": "i3", "kind": "dislike"}, n=40)

        after = ids(answer["recommendations"])
        assert set(before) - set(after) == {"i2", "i3"}
        assert after == await listed(client)
        assert all(item["predicted_rating"] is not None for item in answer["recommendations"]["items"])

    async def test_a_rating_counts_instead_of_an_interaction(self, client: httpx.AsyncClient) -> None:
        rating = {"ratings": [{"item_id": "i1", "rating": 5, "rated_at": NOON}]}
        await client.post("/v1/users/ada/ratings", json=rating)
        before = await listed(client)

        await post(client, {"item_id": "i1", "kind": "view"})

        assert await listed(client) == before

    async def test_schema_names_the_kinds(self, client: httpx.AsyncClient) -> None:
        kinds = (await client.get("/v1/schema")).json()["interaction_kinds"]

        assert kinds["purchase"] == 1.0
        assert kinds["dislike"] < 0


class TestEventsAsInteractions:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"events_as_interactions": {"clicked": "view"}})

    async def test_new_events_of_a_type_in_the_setting_are_interactions(self, client: httpx.AsyncClient) -> None:
        version = (await client.get("/v1/users/ada/recommendations")).json()["model_version"]
        event = {"model_version": version, "user_id": "ada", "occurred_at": NOON}
        events = [
            {**event, "event_id": "e1", "type": "clicked", "item_id": "i1"},
            {**event, "event_id": "e2", "type": "shown", "item_id": "i2"},
        ]

        for _ in range(2):
            assert (await client.post("/v1/events", json={"events": events})).status_code == 200

        expected = {"event_id": "e1", "item_id": "i1", "kind": "view", "occurred_at": NOON}
        assert await stored(client) == [expected]
        assert "i1" not in await listed(client)
        assert "i2" in await listed(client)
