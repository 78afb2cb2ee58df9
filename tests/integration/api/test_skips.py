import httpx
import pytest

SKIPS = "/v1/users/ada/skips"


async def skipped(client: httpx.AsyncClient) -> list[str]:
    return [skip["item_id"] for skip in (await client.get(SKIPS)).json()["items"]]


class TestAddSkips:
    async def test_add_skips_of_an_unknown_user_stores_them_and_creates_the_user(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await client.post(SKIPS, json={"item_ids": ["i3", "i1", "i3"]})

        assert answer.status_code == 204
        assert await skipped(client) == ["i1", "i3"]
        assert (await client.get("/v1/users/ada")).json()["rating_count"] == 0

    async def test_add_skips_of_a_known_user_keeps_attributes_and_ratings(self, client: httpx.AsyncClient) -> None:
        rating = {"item_id": "i1", "rating": 3}
        await client.post("/v1/users/ada/ratings", json={"ratings": [rating], "attributes": {"country": "fr"}})

        await client.post(SKIPS, json={"item_ids": ["i2"]})

        user = (await client.get("/v1/users/ada")).json()
        assert (user["attributes"], user["rating_count"]) == ({"country": "fr"}, 1)

    async def test_add_skips_sent_again_changes_nothing(self, client: httpx.AsyncClient) -> None:
        await client.post(SKIPS, json={"item_ids": ["i1"]})
        before = (await client.get(SKIPS)).json()

        await client.post(SKIPS, json={"item_ids": ["i1"]})

        assert (await client.get(SKIPS)).json() == before

    async def test_add_skips_of_a_rated_item_stores_nothing(self, client: httpx.AsyncClient) -> None:
        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 3}]})

        await client.post(SKIPS, json={"item_ids": ["i1"]})

        assert await skipped(client) == []

    async def test_skip_of_an_item_that_is_rated_later_is_deleted(self, client: httpx.AsyncClient) -> None:
        await client.post(SKIPS, json={"item_ids": ["i1", "i2"]})

        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 3}]})
        await client.delete("/v1/users/ada/ratings/i1")

        assert await skipped(client) == ["i2"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "item_ids"),
            ({"item_ids": []}, "item_ids"),
            ({"item_ids": ["i1", "unheard-of"]}, "item_ids.1"),
            ({"item_ids": ["a\tb"]}, "item_ids.0"),
            ({"item_ids": ["i1"], "reason": "x"}, "reason"),
        ],
    )
    async def test_add_skips_with_an_invalid_field_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, body: dict[str, object], field: str
    ) -> None:
        answer = await client.post(SKIPS, json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get("/v1/users/ada")).status_code == 404


class TestListSkips:
    async def test_list_skips_in_pages_lists_every_skip_once(self, client: httpx.AsyncClient) -> None:
        await client.post(SKIPS, json={"item_ids": ["i1", "i2", "i3"]})

        first = (await client.get(SKIPS, params={"limit": 2})).json()
        second = (await client.get(SKIPS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [skip["item_id"] for skip in first["items"] + second["items"]] == ["i1", "i2", "i3"]
        assert second["next_cursor"] is None
        assert all(skip["skipped_at"].endswith("Z") for skip in first["items"])

    async def test_list_skips_of_an_unknown_user_is_not_found(self, client: httpx.AsyncClient) -> None:
        assert (await client.get(SKIPS)).status_code == 404

    async def test_list_skips_of_a_deleted_user_is_empty(self, client: httpx.AsyncClient) -> None:
        await client.post(SKIPS, json={"item_ids": ["i1"]})

        await client.delete("/v1/users/ada")
        await client.put("/v1/users/ada", json={})

        assert await skipped(client) == []


class TestDeleteSkip:
    async def test_delete_skip_makes_the_item_a_candidate_again(self, client: httpx.AsyncClient) -> None:
        async def candidates() -> set[str]:
            answer = await client.get("/v1/candidates", params={"user_id": "ada", "n": 500})
            return {item["item_id"] for item in answer.json()["items"]}

        await client.post(SKIPS, json={"item_ids": ["i1", "i2"]})
        assert "i1" not in await candidates()

        assert (await client.delete(f"{SKIPS}/i1")).status_code == 204

        assert await skipped(client) == ["i2"]
        assert "i1" in await candidates()

    async def test_delete_skip_changes_the_list(self, client: httpx.AsyncClient) -> None:
        lists = "/v1/users/ada/recommendations"
        await client.put("/v1/users/ada", json={})
        before = (await client.get(lists)).json()
        await client.post(SKIPS, json={"item_ids": ["i1", "i2"]})
        assert (await client.get(lists)).json() != before

        for item in ("i1", "i2"):
            await client.delete(f"{SKIPS}/{item}")

        assert (await client.get(lists)).json() == before

    async def test_delete_skip_that_does_not_exist_is_not_found(self, client: httpx.AsyncClient) -> None:
        unknown_user = await client.delete(f"{SKIPS}/i1")
        await client.put("/v1/users/ada", json={})
        unknown_skip = await client.delete(f"{SKIPS}/i1")

        assert (unknown_user.status_code, unknown_skip.status_code) == (404, 404)
        assert unknown_skip.json()["type"] == "urn:coldstart:problem:skip-not-found"
