import asyncio
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected

NEW = "/v1/items/new"
COMEDY = {"title": "Brand New", "attributes": {"genre": ["comedy"], "year": 2026}}


async def everything(client: httpx.AsyncClient) -> set[str]:
    answer = await client.post("/v1/recommendations", json={"n": 500})
    return {item["item_id"] for item in answer.json()["items"]}


class TestPutItem:
    async def test_put_item_that_is_new_is_recommended_at_once(self, client: httpx.AsyncClient) -> None:
        assert "new" not in await everything(client)

        answer = await client.put(NEW, json=COMEDY)

        assert answer.status_code == 200
        assert answer.json() == {"item_id": "new", **COMEDY, "available": True}
        assert (await client.get(NEW)).json() == answer.json()
        assert "new" in await everything(client)

    async def test_put_item_that_is_known_replaces_it(self, client: httpx.AsyncClient) -> None:
        horror = {"filter": {"genre": ["horror"]}, "n": 500}
        before = (await client.post("/v1/recommendations", json=horror)).json()["items"]

        await client.put("/v1/items/i1", json={"title": "Changed", "attributes": {"genre": "horror"}})

        after = (await client.post("/v1/recommendations", json=horror)).json()["items"]
        assert len(after) == len(before) + 1
        assert {item["title"] for item in after} - {item["title"] for item in before} == {"Changed"}
        assert (await client.get("/v1/items/i1")).json()["attributes"] == {"genre": ["horror"]}

    async def test_put_item_that_is_new_changes_the_list_of_a_stored_user(self, client: httpx.AsyncClient) -> None:
        await client.put("/v1/users/ada", json={})
        options = {"n": 500}
        before = (await client.get("/v1/users/ada/recommendations", params=options)).json()["items"]

        await client.put(NEW, json=COMEDY)

        after = (await client.get("/v1/users/ada/recommendations", params=options)).json()["items"]
        assert len(after) == len(before) + 1

    async def test_put_item_that_is_new_can_be_rated(self, client: httpx.AsyncClient) -> None:
        await client.put(NEW, json=COMEDY)

        rating = {"item_id": "new", "rating": 5}
        assert (await client.post("/v1/users/ada/ratings", json={"ratings": [rating]})).status_code == 200

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"attributes": {"director": "x"}}, "attributes.director"),
            ({"attributes": {"genre": [1]}}, "attributes.genre"),
            ({"attributes": {"year": "1990"}}, "attributes.year"),
            ({"title": "a\nb"}, "title"),
            ({"title": 5}, "title"),
            ({"name": "x"}, "name"),
        ],
    )
    async def test_put_item_with_an_invalid_field_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, body: dict[str, Any], field: str
    ) -> None:
        answer = await client.put(NEW, json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get(NEW)).status_code == 404

    @pytest.mark.parametrize("year", ["NaN", "1e999"])
    async def test_put_item_with_a_number_that_is_not_finite_is_refused(
        self, client: httpx.AsyncClient, year: str
    ) -> None:
        body = f'{{"attributes": {{"year": {year}}}}}'
        answer = await client.put(NEW, content=body, headers={"content-type": "application/json"})

        assert answer.json()["errors"] == [{"field": "attributes.year", "reason": "must be a finite number"}]


class TestPatchItem:
    async def test_patch_item_changes_only_what_is_sent(self, client: httpx.AsyncClient) -> None:
        await client.put(NEW, json=COMEDY)

        body = (await client.patch(NEW, json={"attributes": {"year": 2027}})).json()

        attributes = {"genre": ["comedy"], "year": 2027.0}
        assert body == {"item_id": "new", "title": "Brand New", "attributes": attributes, "available": True}
        assert (await client.get(NEW)).json() == body
        assert (await client.patch(NEW, json={"title": "Newer"})).json() == body | {"title": "Newer"}
        assert (await client.patch(NEW, json={})).json() == body | {"title": "Newer"}

    async def test_patch_item_with_null_removes_the_title_and_attributes(self, client: httpx.AsyncClient) -> None:
        await client.put(NEW, json=COMEDY)

        body = (await client.patch(NEW, json={"title": None, "attributes": {"year": None}})).json()

        assert body == {"item_id": "new", "title": None, "attributes": {"genre": ["comedy"]}, "available": True}

    async def test_patch_item_changes_the_next_list(self, client: httpx.AsyncClient) -> None:
        path = {"n": 500, "filter": {"genre": ["horror"]}}
        await client.patch("/v1/items/i1", json={"attributes": {"genre": ["horror"]}})

        items = (await client.post("/v1/recommendations", json=path)).json()["items"]

        assert "i1" in {item["item_id"] for item in items}

    async def test_patch_item_that_is_not_in_the_catalogue_is_not_found(self, client: httpx.AsyncClient) -> None:
        await client.put(NEW, json=COMEDY)
        await client.delete(NEW)

        for path in (NEW, "/v1/items/never"):
            answer = await client.patch(path, json={"title": "x"})
            assert answer.status_code == 404
            assert answer.json()["type"] == "urn:coldstart:problem:item-not-found"

    async def test_patch_item_with_an_invalid_attribute_is_refused_and_changes_nothing(
        self, client: httpx.AsyncClient
    ) -> None:
        before = (await client.get("/v1/items/i1")).json()

        answer = await client.patch(
            "/v1/items/i1", json={"title": "x", "attributes": {"year": "long ago", "genre": []}}
        )

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["attributes.year"]
        assert (await client.get("/v1/items/i1")).json() == before

    async def test_patches_at_the_same_time_keep_each_others_changes(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        async with connected(create_app(settings)) as replica:
            for turn in range(5):
                await asyncio.gather(
                    client.patch("/v1/items/i1", json={"title": f"Title {turn}"}),
                    replica.patch("/v1/items/i1", json={"attributes": {"year": 2000 + turn}}),
                )
                item = (await client.get("/v1/items/i1")).json()
                assert (item["title"], item["attributes"]["year"]) == (f"Title {turn}", 2000 + turn)


class TestReplicas:
    async def test_item_change_is_seen_by_another_replica_at_once(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        async with connected(create_app(settings)) as replica:
            for number in range(3):
                await client.put(f"/v1/items/new{number}", json=COMEDY)
                assert f"new{number}" in await everything(replica)
                await replica.delete(f"/v1/items/i{number}")
                assert f"i{number}" not in await everything(client)

            assert await everything(client) == await everything(replica)

    async def test_concurrent_item_changes_reach_all_replicas(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        async with connected(create_app(settings)) as replica:
            changes = [
                server.put(f"/v1/items/{name}{number}", json=COMEDY)
                for number in range(10)
                for server, name in ((client, "a"), (replica, "b"))
            ]
            looks = [everything(server) for server in (client, replica) * 5]
            await asyncio.gather(*changes, *looks)

            expected = {f"{name}{number}" for name in "ab" for number in range(10)}
            assert expected <= await everything(client)
            assert expected <= await everything(replica)


class TestPutItems:
    async def test_put_items_with_a_thousand_items_stores_all(self, client: httpx.AsyncClient) -> None:
        items = [{"item_id": f"new{item}", **COMEDY, "available": item % 2 == 0} for item in range(1000)]

        answer = await client.post("/v1/items:batch", json={"items": items})

        assert answer.status_code == 200
        assert answer.json() == {"items": items, "next_cursor": None}
        assert (await client.get("/v1/items/new999")).status_code == 200

    @pytest.mark.parametrize(
        ("items", "field"),
        [
            ([{"item_id": "new"}, {"item_id": "bad", "attributes": {"x": 1}}], "items.1.attributes.x"),
            ([{"item_id": "new"}, {"item_id": "i1"}, {"item_id": "new"}], "items.2.item_id"),
            ([{"item_id": "new"}, {"item_id": "a\tb"}], "items.1.item_id"),
            ([{"item_id": "new"}, {}], "items.1.item_id"),
            ([], "items"),
            ([{"item_id": "new"}] * 1001, "items"),
        ],
    )
    async def test_put_items_with_one_invalid_item_stores_none(
        self, client: httpx.AsyncClient, items: list[Any], field: str
    ) -> None:
        answer = await client.post("/v1/items:batch", json={"items": items})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get(NEW)).status_code == 404


class TestDeleteItem:
    async def test_delete_item_removes_it_from_recommendations(self, client: httpx.AsyncClient) -> None:
        assert (await client.delete("/v1/items/i1")).status_code == 204

        assert (await client.get("/v1/items/i1")).status_code == 404
        assert (await client.delete("/v1/items/i1")).status_code == 404
        assert await everything(client) == {f"i{item}" for item in range(40) if item != 1}

    async def test_delete_item_makes_its_ratings_count_no_more(self, client: httpx.AsyncClient) -> None:
        ratings = [{"item_id": "i1", "rating": 5}, {"item_id": "i2", "rating": 1}]
        await client.post("/v1/users/ada/ratings", json={"ratings": ratings})
        await client.delete("/v1/items/i1")

        recommended = await client.get("/v1/users/ada/recommendations")
        expected = await client.post("/v1/recommendations", json={"ratings": ratings[1:]})

        assert recommended.json() == expected.json()

    async def test_delete_item_that_is_put_again_is_recommended_again(self, client: httpx.AsyncClient) -> None:
        await client.delete("/v1/items/i1")
        await client.put("/v1/items/i1", json=COMEDY)

        assert "i1" in await everything(client)

    async def test_delete_item_of_the_last_item_gives_empty_lists(self, client: httpx.AsyncClient) -> None:
        for item in range(40):
            await client.delete(f"/v1/items/i{item}")

        assert (await client.post("/v1/recommendations", json={})).json()["items"] == []
        assert (await client.get("/v1/candidates")).json()["items"] == []


class TestListItems:
    async def test_list_items_in_pages_lists_every_item_once(self, client: httpx.AsyncClient) -> None:
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await client.get("/v1/items", params={"limit": 7, **cursor})).json()
            seen += [item["item_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}

        assert len(seen) == 40
        assert set(seen) == {f"i{item}" for item in range(40)}

    async def test_list_items_with_ids_lists_only_those(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/items", params={"item_id": ["i7", "i3", "nothing"]})

        assert [item["item_id"] for item in answer.json()["items"]] == ["i3", "i7"]

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ("élan", ["L'ÉLAN 100%"]),
            ("ÉLAN", ["L'ÉLAN 100%"]),
            ("STRASSE", ["Die Straße_1"]),
            ("0%", ["L'ÉLAN 100%"]),
            ("%", ["L'ÉLAN 100%"]),
            ("e_", ["Die Straße_1"]),
            ("\\", []),
            ("film 39", ["Film 39"]),
        ],
    )
    async def test_list_items_with_a_query_searches_titles(
        self, client: httpx.AsyncClient, query: str, titles: list[str]
    ) -> None:
        for item_id, title in [("n1", "L'ÉLAN 100%"), ("n2", "Die Straße_1"), ("n3", None)]:
            await client.put(f"/v1/items/{item_id}", json={"title": title})

        answer = await client.get("/v1/items", params={"query": query})

        assert [item["title"] for item in answer.json()["items"]] == titles

    @pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 501}, {"cursor": "?"}, {"query": "\0"}])
    async def test_list_items_with_an_invalid_parameter_is_refused(
        self, client: httpx.AsyncClient, params: dict[str, Any]
    ) -> None:
        answer = await client.get("/v1/items", params=params)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == list(params)
