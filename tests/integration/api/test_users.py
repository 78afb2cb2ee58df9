import asyncio
import json
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.services import record_stream
from app.settings import Settings
from tests.integration.running import connected

ADA = "/v1/users/ada"
BATCH = "/v1/users:batch"


class TestPutUser:
    async def test_put_user_that_is_new_creates_it(self, client: httpx.AsyncClient) -> None:
        answer = await client.put(ADA, json={"attributes": {"country": "fr", "age": 36}})

        assert answer.status_code == 200
        body = answer.json()
        assert body.pop("created_at").endswith("Z")
        assert body == {"user_id": "ada", "attributes": {"country": "fr", "age": 36.0}, "rating_count": 0}

    async def test_put_user_that_is_known_replaces_attributes_and_keeps_ratings(
        self, client: httpx.AsyncClient
    ) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})
        await client.put(ADA, json={"attributes": {"country": "fr"}})

        body = (await client.put(ADA, json={"attributes": {"age": 36}})).json()

        assert body["attributes"] == {"age": 36.0}
        assert body["rating_count"] == 1

    async def test_put_user_with_a_value_unknown_to_the_model_is_accepted(self, client: httpx.AsyncClient) -> None:
        body = (await client.put(ADA, json={"attributes": {"country": "atlantis", "age": None}})).json()

        assert body["attributes"] == {"country": "atlantis"}
        assert (await client.get(f"{ADA}/recommendations")).status_code == 200

    @pytest.mark.parametrize(
        ("attributes", "field"),
        [
            ({"height": 180}, "attributes.height"),
            ({"age": "36"}, "attributes.age"),
            ({"age": True}, "attributes.age"),
            ({"age": 10**400}, "attributes.age"),
            ({"country": ["fr"]}, "attributes.country"),
            ({"country": {"code": "fr"}}, "attributes.country"),
            ({"country": "f\0"}, "attributes.country"),
            ({"country": "\ud800"}, "attributes.country"),
            ({"\ud800": 1}, "attributes.?"),
            ([], "attributes"),
        ],
    )
    async def test_put_user_with_an_invalid_attribute_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, attributes: object, field: str
    ) -> None:
        # httpx cannot encode half a surrogate pair with `json=`, but JSON can.
        body = json.dumps({"attributes": attributes})
        answer = await client.put(ADA, content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get(ADA)).status_code == 404

    @pytest.mark.parametrize("user_id", ["x" * 129, "x" * 10_000, "%00", "a%0Ab", "%7F"])
    async def test_put_user_with_an_invalid_id_is_refused(self, client: httpx.AsyncClient, user_id: str) -> None:
        answer = await client.put(f"/v1/users/{user_id}", json={})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "user_id"
        assert len(answer.content) < 1000

    @pytest.mark.parametrize("user_id", ["x" * 128, "Zoë", "a b", "用户", "a.b:c@d"])
    async def test_put_user_with_a_valid_id_is_accepted(self, client: httpx.AsyncClient, user_id: str) -> None:
        assert (await client.put(f"/v1/users/{user_id}", json={})).json()["user_id"] == user_id


class TestPatchUser:
    async def test_patch_user_changes_only_the_attributes_that_are_sent(self, client: httpx.AsyncClient) -> None:
        await client.put(ADA, json={"attributes": {"country": "fr", "age": 36}})

        body = (await client.patch(ADA, json={"attributes": {"age": 37}})).json()

        assert body["attributes"] == {"country": "fr", "age": 37.0}
        assert (await client.get(ADA)).json() == body
        assert (await client.patch(ADA, json={})).json() == body

    async def test_patch_user_with_null_removes_an_attribute(self, client: httpx.AsyncClient) -> None:
        await client.put(ADA, json={"attributes": {"country": "fr", "age": 36}})

        body = (await client.patch(ADA, json={"attributes": {"age": None}})).json()

        assert body["attributes"] == {"country": "fr"}

    async def test_patch_user_that_is_unknown_creates_it(self, client: httpx.AsyncClient) -> None:
        body = (await client.patch(ADA, json={"attributes": {"age": 36}})).json()

        assert body["attributes"] == {"age": 36.0}

    async def test_patch_user_with_an_invalid_attribute_is_refused_and_changes_nothing(
        self, client: httpx.AsyncClient
    ) -> None:
        await client.put(ADA, json={"attributes": {"age": 36}})

        answer = await client.patch(ADA, json={"attributes": {"age": "old", "height": 1, "country": "fr"}})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["attributes.age", "attributes.height"]
        assert (await client.get(ADA)).json()["attributes"] == {"age": 36.0}

    async def test_patches_at_the_same_time_keep_each_others_attributes(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        async with connected(create_app(settings)) as replica:
            for turn in range(5):
                user = f"/v1/users/u{turn}"
                await asyncio.gather(
                    client.patch(user, json={"attributes": {"age": turn}}),
                    replica.patch(user, json={"attributes": {"country": "fr"}}),
                )
                assert (await client.get(user)).json()["attributes"] == {"age": turn, "country": "fr"}


class TestPutUsers:
    async def test_put_users_creates_and_replaces_users_and_keeps_their_ratings(
        self, client: httpx.AsyncClient
    ) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})

        answer = await client.post(
            BATCH, json={"users": [{"user_id": "bob"}, {"user_id": "ada", "attributes": {"age": 36, "country": None}}]}
        )

        users = [(user["user_id"], user["attributes"], user["rating_count"]) for user in answer.json()["items"]]
        assert users == [("bob", {}, 0), ("ada", {"age": 36.0}, 1)]
        assert answer.json()["next_cursor"] is None
        assert (await client.get(ADA)).json() == answer.json()["items"][1]

    async def test_put_users_with_an_error_stores_none(self, client: httpx.AsyncClient) -> None:
        users = [{"user_id": "ada"}, {"user_id": "bob", "attributes": {"age": "x"}}, {"user_id": "ada"}]

        answer = await client.post(BATCH, json={"users": users})

        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "users.2.user_id", "reason": "occurs twice in this request"},
            {"field": "users.1.attributes.age", "reason": "must be a finite number"},
        ]
        assert (await client.get(ADA)).status_code == 404

    @pytest.mark.parametrize("count", [0, 1001])
    async def test_put_users_with_none_or_too_many_is_refused(self, client: httpx.AsyncClient, count: int) -> None:
        answer = await client.post(BATCH, json={"users": [{"user_id": str(number)} for number in range(count)]})

        assert [error["field"] for error in answer.json()["errors"]] == ["users"]


class TestPutUserStream:
    async def send(self, client: httpx.AsyncClient, *lines: object) -> dict[str, Any]:
        body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        answer = await client.post(BATCH, content=body, headers={"content-type": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    async def test_put_user_stream_stores_valid_lines_and_reports_the_others(self, client: httpx.AsyncClient) -> None:
        report = await self.send(
            client,
            {"user_id": "ada", "attributes": {"age": 36}},
            {"user_id": "bob", "attributes": {"age": "x"}},
            b"nonsense",
            {"user_id": "eve", "attribute": {}},
            {"user_id": "dan"},
        )

        errors = [(error["line"], error["user_id"], error["field"]) for error in report.pop("errors")]
        assert errors == [(2, "bob", "attributes.age"), (3, None, "line"), (4, None, "attribute")]
        assert report == {
            "lines": 5,
            "created": 2,
            "updated": 0,
            "unchanged": 0,
            "rejected": 3,
            "error_count": 3,
        }
        assert (await client.get(ADA)).json()["attributes"] == {"age": 36.0}
        assert (await client.get("/v1/users/bob")).status_code == 404

    async def test_put_user_stream_sent_again_writes_only_changed_users(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(record_stream, "_CHUNK_LINES", 10)
        users = [{"user_id": f"n{number}", "attributes": {"age": number}} for number in range(25)]
        assert (await self.send(client, *users))["created"] == 25
        assert (await self.send(client, *users))["unchanged"] == 25

        report = await self.send(client, *users, {"user_id": "n3", "attributes": {"country": "fr"}})

        assert (report["unchanged"], report["updated"]) == (25, 1)
        assert (await client.get("/v1/users/n3")).json()["attributes"] == {"country": "fr"}


class TestGetUser:
    async def test_get_user_that_is_unknown_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(ADA)

        assert answer.status_code == 404
        assert answer.json() == {
            "instance": f"urn:coldstart:request:{answer.headers['X-Request-ID']}",
            "type": "urn:coldstart:problem:user-not-found",
            "title": "There is no such user",
            "status": 404,
            "detail": "There is no user 'ada'.",
            "errors": [],
        }


class TestDeleteUser:
    async def test_delete_user_deletes_the_ratings(self, client: httpx.AsyncClient) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})

        assert (await client.delete(ADA)).status_code == 204

        assert (await client.get(ADA)).status_code == 404
        await client.put(ADA, json={})
        assert (await client.get(f"{ADA}/ratings")).json()["items"] == []

    async def test_delete_user_that_is_unknown_is_not_found(self, client: httpx.AsyncClient) -> None:
        assert (await client.delete(ADA)).status_code == 404
