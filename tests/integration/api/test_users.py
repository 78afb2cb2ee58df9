import json

import httpx
import pytest

ADA = "/v1/users/ada"


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
