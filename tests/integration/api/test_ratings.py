import asyncio
from datetime import UTC, datetime

import httpx
import pytest

RATINGS = "/v1/users/ada/ratings"


def rating(item_id: str, value: object, **more: object) -> dict[str, object]:
    return {"item_id": item_id, "rating": value, **more}


async def stored(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get(RATINGS)
    return {item["item_id"]: item["rating"] for item in answer.json().get("items", [])}


class TestAddRatings:
    async def test_add_ratings_stores_them_and_returns_recommendations(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(RATINGS, params={"n": 5}, json={"ratings": [rating("i1", 5), rating("i2", 1)]})

        assert answer.status_code == 200
        body = answer.json()
        assert body["user_id"] == "ada"
        assert [(stored_rating["item_id"], stored_rating["rating"]) for stored_rating in body["ratings"]] == [
            ("i1", 5.0),
            ("i2", 1.0),
        ]
        items = body["recommendations"]["items"]
        assert [item["rank"] for item in items] == [1, 2, 3, 4, 5]
        assert set(items[0]) == {
            "item_id",
            "title",
            "predicted_rating",
            "choice_probability",
            "like_probability",
            "rank",
            "model_version",
            "because",
            "unlike",
            "attributes",
        }
        assert not {"i1", "i2"} & {item["item_id"] for item in items}
        assert body["model_version"].startswith("tiny-")
        assert {item["model_version"] for item in items} == {body["model_version"]}
        assert await stored(client) == {"i1": 5.0, "i2": 1.0}

    async def test_add_ratings_recommends_the_genre_that_was_rated_high(self, client: httpx.AsyncClient) -> None:
        loves_comedies = [rating(f"i{item}", 5 if item % 2 else 1) for item in range(8)]

        answer = await client.post(RATINGS, params={"n": 5}, json={"ratings": loves_comedies})

        items = answer.json()["recommendations"]["items"]
        assert all(int(item["item_id"].removeprefix("i")) % 2 for item in items)

    async def test_add_ratings_for_a_rated_item_replaces_the_rating(self, client: httpx.AsyncClient) -> None:
        await client.post(RATINGS, json={"ratings": [rating("i1", 5)]})
        await client.post(RATINGS, json={"ratings": [rating("i1", 2)]})

        assert await stored(client) == {"i1": 2.0}

    async def test_add_ratings_with_an_earlier_time_keeps_the_stored_rating(self, client: httpx.AsyncClient) -> None:
        await client.post(RATINGS, json={"ratings": [rating("i1", 5, rated_at="2026-01-02T00:00:00Z")]})
        answer = await client.post(RATINGS, json={"ratings": [rating("i1", 2, rated_at="2026-01-02T00:30:00+01:00")]})

        assert answer.json()["ratings"] == [rating("i1", 5.0, rated_at="2026-01-02T00:00:00Z")]

    async def test_add_ratings_without_a_time_stores_the_present_time(self, client: httpx.AsyncClient) -> None:
        before = datetime.now(UTC)
        answer = await client.post(RATINGS, json={"ratings": [rating("i1", 5)]})

        rated_at = datetime.fromisoformat(answer.json()["ratings"][0]["rated_at"])
        assert before <= rated_at <= datetime.now(UTC)

    @pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1969-07-20T20:17:40Z"])
    async def test_add_ratings_with_a_past_time_stores_that_time(self, client: httpx.AsyncClient, moment: str) -> None:
        answer = await client.post(RATINGS, json={"ratings": [rating("i1", 5, rated_at=moment)]})

        assert answer.json()["ratings"][0]["rated_at"] == moment
        assert (await client.get(RATINGS)).json()["items"][0]["rated_at"] == moment

    async def test_add_ratings_with_a_future_time_stores_the_present_time(self, client: httpx.AsyncClient) -> None:
        before = datetime.now(UTC)
        ahead = rating("i1", 5, rated_at="9999-12-31T23:59:59Z")
        answer = await client.post(RATINGS, json={"ratings": [ahead]})
        rated_at = datetime.fromisoformat(answer.json()["ratings"][0]["rated_at"])
        assert before <= rated_at <= datetime.now(UTC)

        now = datetime.now(UTC).isoformat()
        await client.post(RATINGS, json={"ratings": [rating("i1", 2, rated_at=now)]})
        assert await stored(client) == {"i1": 2.0}

    async def test_add_ratings_without_attributes_keeps_the_stored_ones(self, client: httpx.AsyncClient) -> None:
        body = {"ratings": [rating("i1", 5)], "attributes": {"country": "fr"}}
        await client.post(RATINGS, json=body)
        await client.post(RATINGS, json={"ratings": [rating("i2", 5)]})

        assert (await client.get("/v1/users/ada")).json()["attributes"] == {"country": "fr"}

    async def test_add_ratings_concurrently_for_one_user_stores_all(self, client: httpx.AsyncClient) -> None:
        posts = [client.post(RATINGS, json={"ratings": [rating(f"i{item}", 3)]}) for item in range(40)]

        answers = await asyncio.gather(*posts)

        assert {answer.status_code for answer in answers} == {200}
        assert await stored(client) == {f"i{item}": 3.0 for item in range(40)}

    async def test_add_ratings_concurrently_in_different_orders_succeeds(self, client: httpx.AsyncClient) -> None:
        forwards = [rating(f"i{item}", 4) for item in range(40)]
        posts = [client.post(RATINGS, json={"ratings": order}) for order in (forwards, forwards[::-1]) * 10]

        answers = await asyncio.gather(*posts)

        assert {answer.status_code for answer in answers} == {200}

    @pytest.mark.parametrize(
        ("body", "field", "reason"),
        [
            ({"ratings": [rating("i1", 5), rating("i2", 6)]}, "ratings.1.rating", "1 to 5 in steps of 1"),
            ({"ratings": [rating("i1", 2.5)]}, "ratings.0.rating", "1 to 5 in steps of 1"),
            ({"ratings": [rating("nothing", 5)]}, "ratings.0.item_id", "not in the catalogue"),
            ({"ratings": [rating("i1", 5), rating("i2", 4), rating("i1", 3)]}, "ratings.2.item_id", "twice"),
            ({"ratings": []}, "ratings", "at least 1 item"),
            ({"ratings": [rating("i1", 5)] * 1001}, "ratings", "at most 1000 items"),
            ({}, "ratings", "required"),
            ({"ratings": [rating("i1", "5")]}, "ratings.0.rating", "valid number"),
            ({"ratings": [rating("i1", True)]}, "ratings.0.rating", "valid number"),
            ({"ratings": [{"item_id": 1, "rating": 5}]}, "ratings.0.item_id", "valid string"),
            ({"ratings": [rating("i1", 5, rated_at="2026-01-01T00:00:00")]}, "ratings.0.rated_at", "timezone"),
            ({"ratings": [rating("i1", 5, rated_at="9999-12-31T23:59:59-14:00")]}, "ratings.0.rated_at", "9999"),
            ({"ratings": [rating("i1", 5, stars=5)]}, "ratings.0.stars", "is not a field of this request"),
            ({"ratings": [rating("i1", 5)], "user": "x"}, "user", "is not a field of this request"),
            ({"ratings": [rating("i1", 5)], "attributes": {"height": 2}}, "attributes.height", "country, age"),
            ({"ratings": [rating("i1", 5)], "attributes": {"age": "old"}}, "attributes.age", "finite number"),
            ({"ratings": [rating("i1", 5)], "attributes": {"country": 3}}, "attributes.country", "string"),
        ],
    )
    async def test_add_ratings_with_an_invalid_field_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, body: dict[str, object], field: str, reason: str
    ) -> None:
        answer = await client.post(RATINGS, json=body)

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "urn:coldstart:problem:invalid-request"
        faults = {error["field"]: error["reason"] for error in problem["errors"]}
        assert reason in faults[field]
        assert (await client.get("/v1/users/ada")).status_code == 404

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400])
    async def test_add_ratings_with_a_number_that_is_not_finite_is_refused(
        self, client: httpx.AsyncClient, number: str
    ) -> None:
        body = f'{{"ratings": [{{"item_id": "i1", "rating": {number}}}]}}'
        answer = await client.post(RATINGS, content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "ratings.0.rating"

    @pytest.mark.parametrize("n", [0, 501, -1, "ten"])
    async def test_add_ratings_with_an_invalid_list_length_is_refused(
        self, client: httpx.AsyncClient, n: object
    ) -> None:
        answer = await client.post(RATINGS, params={"n": str(n)}, json={"ratings": [rating("i1", 5)]})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "n"
        assert await stored(client) == {}


class TestListRatings:
    async def test_list_ratings_in_pages_lists_every_rating_once(self, client: httpx.AsyncClient) -> None:
        await client.post(RATINGS, json={"ratings": [rating(f"i{item}", 3) for item in (1, 2, 3)]})

        first = (await client.get(RATINGS, params={"limit": 2})).json()
        second = (await client.get(RATINGS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [item["item_id"] for item in first["items"]] == ["i1", "i2"]
        assert [item["item_id"] for item in second["items"]] == ["i3"]
        assert second["next_cursor"] is None

    async def test_list_ratings_of_an_unknown_user_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(RATINGS)

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:user-not-found"

    @pytest.mark.parametrize("cursor", ["!", "abc", "gA=="])
    async def test_list_ratings_with_an_invalid_cursor_is_refused(self, client: httpx.AsyncClient, cursor: str) -> None:
        answer = await client.get(RATINGS, params={"cursor": cursor})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "cursor"


class TestDeleteRating:
    async def test_delete_rating_keeps_the_other_ratings(self, client: httpx.AsyncClient) -> None:
        await client.post(RATINGS, json={"ratings": [rating("i1", 5), rating("i2", 4)]})

        assert (await client.delete(f"{RATINGS}/i1")).status_code == 204
        assert await stored(client) == {"i2": 4.0}

    async def test_delete_rating_that_is_unknown_is_not_found(self, client: httpx.AsyncClient) -> None:
        await client.post(RATINGS, json={"ratings": [rating("i1", 5)]})

        answer = await client.delete(f"{RATINGS}/i2")

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:rating-not-found"

    async def test_delete_rating_of_an_unknown_user_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.delete(f"{RATINGS}/i1")

        assert answer.json()["type"] == "urn:coldstart:problem:user-not-found"
