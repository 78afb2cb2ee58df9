"""Answers to questions about groups of items, attributes and pairs. Odd items are comedies, even ones horror."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.integration.running import connected

ANSWERS = "/v1/users/ada/answers"
LIST = "/v1/users/ada/recommendations"
EARLY, LATE = "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"


def about(value: str, rating: float | None, **more: object) -> dict[str, Any]:
    return {"kind": "attribute", "field": "genre", "value": value, "rating": rating, **more}


def group(*item_ids: str, rating: float | None) -> dict[str, Any]:
    return {"kind": "group", "item_ids": list(item_ids), "rating": rating}


def pair(*item_ids: str, preferred: str | None) -> dict[str, Any]:
    return {"kind": "pair", "item_ids": list(item_ids), "preferred": preferred}


async def post(client: httpx.AsyncClient, *answers: dict[str, Any], **more: object) -> dict[str, Any]:
    answer = await client.post(ANSWERS, json={"answers": list(answers), **more})
    assert answer.status_code == 200, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


async def stored(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get(ANSWERS)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def comedies(page: dict[str, Any]) -> int:
    return sum(int(item["item_id"][1:]) % 2 for item in page["items"])


class TestAddAnswers:
    async def test_add_answers_of_an_unknown_user_stores_them_and_creates_the_user(
        self, client: httpx.AsyncClient
    ) -> None:
        given = [about("comedy", 4), group("i1", "i2", "i3", rating=4.5), pair("i1", "i2", preferred="i1")]

        answer = await post(client, *given, attributes={"country": "fr"})

        assert answer["user_id"] == "ada"
        shown = [{name: each[name] for name in own} for each, own in zip(answer["answers"], given, strict=True)]
        assert shown == given
        assert sorted(await stored(client), key=lambda each: each["kind"]) == sorted(
            answer["answers"], key=lambda each: each["kind"]
        )
        assert all(each["answered_at"].endswith("Z") for each in answer["answers"])
        assert (await client.get("/v1/users/ada")).json()["attributes"] == {"country": "fr"}

    async def test_add_answers_answers_with_the_list_that_the_user_gets_then(self, client: httpx.AsyncClient) -> None:
        await client.put("/v1/users/ada", json={})
        before = (await client.get(LIST)).json()

        made = (await post(client, about("comedy", 5)))["recommendations"]

        assert (await client.get(LIST)).json() == made
        assert before != made

    async def test_answer_that_the_user_cannot_give_is_stored_and_changes_no_list(
        self, client: httpx.AsyncClient
    ) -> None:
        rating = {"item_id": "i1", "rating": 5}
        before = (await client.post("/v1/users/ada/ratings", json={"ratings": [rating]})).json()["recommendations"]

        answer = await post(
            client, about("comedy", None), group("i3", "i4", rating=None), pair("i5", "i6", preferred=None)
        )

        assert answer["recommendations"] == before
        assert [(each["rating"], each["preferred"]) for each in await stored(client)] == [(None, None)] * 3

    async def test_later_answer_to_a_question_replaces_the_earlier_one(self, client: httpx.AsyncClient) -> None:
        await post(client, about("comedy", 5, answered_at=LATE), pair("i1", "i2", preferred="i1"))

        await post(client, about("comedy", 1, answered_at=EARLY), pair("i2", "i1", preferred="i2"))

        assert {each["kind"]: each["rating"] or each["preferred"] for each in await stored(client)} == {
            "attribute": 5.0,
            "pair": "i2",
        }

    async def test_answers_to_a_question_at_the_same_time_leave_one(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        async with connected(create_app(settings)) as replica:
            await asyncio.gather(
                *(post(server, about("comedy", 1 + turn % 5)) for server in (client, replica) for turn in range(8))
            )

        assert len(await stored(client)) == 1

    async def test_answers_of_an_erased_user_are_gone(self, client: httpx.AsyncClient) -> None:
        await post(client, about("comedy", 5))

        await client.delete("/v1/users/ada")
        await client.put("/v1/users/ada", json={})

        assert await stored(client) == []

    async def test_answers_survive_a_restart(self, settings: Settings) -> None:
        async with connected(create_app(settings)) as client:
            before = (await post(client, about("comedy", 5)))["recommendations"]
        async with connected(create_app(settings)) as client:
            assert [each["value"] for each in await stored(client)] == ["comedy"]
            assert (await client.get(LIST)).json() == before

    @pytest.mark.parametrize(
        ("answer", "field", "reason"),
        [
            ({"kind": "item", "item_ids": ["i1"], "rating": 5}, "kind", "known are: attribute, group, pair"),
            ({"field": "genre"}, "kind", "known are: attribute, group, pair"),
            ({"kind": "attribute", "field": "genre", "value": "comedy"}, "rating", "Field required"),
            (about("comedy", 4) | {"feild": "x"}, "feild", "did you mean field?"),
            (about("comedy", 6), "rating", "must be from 1 to 5"),
            (about("comedy", 0.9), "rating", "must be from 1 to 5"),
            (about("Comedy", 4), "value", "no item has 'Comedy'; did you mean comedy?"),
            (about("comedy", 4) | {"field": "genres"}, "field", "did you mean genre?"),
            (about("1985", 4) | {"field": "year"}, "value", "no item has '1985'; did you mean 1980s?"),
            (group("i1", rating=4), "item_ids", "at least 2 items"),
            (group(*(f"i{n}" for n in range(21)), rating=4), "item_ids", "at most 20 items"),
            (group("i1", "i2", "i1", rating=4), "item_ids.2", "occurs twice in this answer"),
            (group("i1", "unheard-of", rating=4), "item_ids.1", "is not in the catalogue"),
            (pair("i1", "i2", "i3", preferred="i1"), "item_ids", "at most 2 items"),
            (pair("i1", "i1", preferred="i1"), "item_ids.1", "occurs twice in this answer"),
            (pair("i1", "i2", preferred="i3"), "preferred", "is not an item of the pair"),
        ],
    )
    async def test_add_answers_with_an_invalid_field_is_refused_and_stores_nothing(
        self, client: httpx.AsyncClient, answer: dict[str, object], field: str, reason: str
    ) -> None:
        for path in (ANSWERS, "/v1/recommendations", "/v1/candidates", "/v1/questions", "/v1/rankings"):
            more = {"item_ids": ["i1"]} if path == "/v1/rankings" else {}
            refused = await client.post(path, json={"answers": [about("horror", 1), answer], **more})

            assert refused.status_code == 422
            (error,) = refused.json()["errors"]
            assert error["field"] == f"answers.1.{field}"
            assert reason in error["reason"]
        assert (await client.get("/v1/users/ada")).status_code == 404

    async def test_add_answers_to_one_question_twice_is_refused(self, client: httpx.AsyncClient) -> None:
        refused = await client.post(
            ANSWERS, json={"answers": [group("i1", "i2", rating=4), group("i2", "i1", rating=5)]}
        )

        assert [error["field"] for error in refused.json()["errors"]] == ["answers.1"]

    async def test_add_answers_about_a_decade_is_stored(self, client: httpx.AsyncClient) -> None:
        await post(client, {"kind": "attribute", "field": "year", "value": "1990s", "rating": 2})

        assert [each["value"] for each in await stored(client)] == ["1990s"]


class TestVisitor:
    async def test_list_of_a_visitor_with_answers_is_that_of_a_user_with_them(self, client: httpx.AsyncClient) -> None:
        answers = [about("comedy", 5), group("i1", "i3", rating=4.5), pair("i5", "i6", preferred="i5")]
        of_user = (await post(client, *answers))["recommendations"]

        of_visitor = (await client.post("/v1/recommendations", json={"answers": answers})).json()

        assert [(each["item_id"], each["rank"]) for each in of_visitor["items"]] == [
            (each["item_id"], each["rank"]) for each in of_user["items"]
        ]

    async def test_ranking_of_a_user_with_answers_of_a_visitor_is_refused(self, client: httpx.AsyncClient) -> None:
        refused = await client.post(
            "/v1/rankings", json={"item_ids": ["i1"], "user_id": "ada", "answers": [about("comedy", 5)]}
        )

        assert refused.status_code == 422


class TestCatalogue:
    async def test_answer_about_deleted_items_no_longer_counts_and_harms_nothing(
        self, client: httpx.AsyncClient
    ) -> None:
        await post(client, pair("i1", "i2", preferred="i1"), group("i1", "i3", rating=5))

        for item in ("i1", "i3"):
            assert (await client.delete(f"/v1/items/{item}")).status_code == 204

        for path in (LIST, f"{LIST}:explain", "/v1/users/ada/tastes", "/v1/questions?user_id=ada"):
            assert (await client.get(path)).status_code == 200, path
        assert len(await stored(client)) == 2


class TestExplanation:
    async def test_list_of_a_user_with_ratings_and_answers_is_explained(self, client: httpx.AsyncClient) -> None:
        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})
        given = [
            about("comedy", 5),
            group("i3", "i5", rating=4.5),
            pair("i7", "i8", preferred="i8"),
            about("horror", None),
        ]
        made = (await post(client, *given))["recommendations"]

        explained = (await client.get(f"{LIST}:explain")).json()

        assert [item["item_id"] for item in explained["items"]] == [item["item_id"] for item in made["items"]]
        answers = {each["kind"]: each for each in explained["given"]["answers"]}
        assert explained["given"]["answer_count"] == len(answers) == 3
        assert (answers["attribute"]["value"], answers["attribute"]["rating"]) == ("comedy", 5.0)
        assert [item["title"] for item in answers["group"]["items"]] == ["Film 3", "Film 5"]
        assert (answers["pair"]["preferred"], answers["group"]["rating"]) == ("i8", 4.5)


class TestListAnswers:
    async def test_list_answers_in_pages_lists_every_answer_once(self, client: httpx.AsyncClient) -> None:
        given = (await post(client, about("comedy", 5), about("horror", 1), pair("i1", "i2", preferred="i1")))[
            "answers"
        ]

        first = (await client.get(ANSWERS, params={"limit": 2})).json()
        second = (await client.get(ANSWERS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert first["items"] + second["items"] == sorted(given, key=lambda each: each["question_id"])
        assert second["next_cursor"] is None

    async def test_list_answers_of_an_unknown_user_is_not_found(self, client: httpx.AsyncClient) -> None:
        assert (await client.get(ANSWERS)).status_code == 404


class TestDeleteAnswer:
    async def test_delete_answer_changes_the_list_back(self, client: httpx.AsyncClient) -> None:
        await client.put("/v1/users/ada", json={})
        before = (await client.get(LIST)).json()
        (answer,) = (await post(client, about("comedy", 5)))["answers"]

        assert (await client.delete(f"{ANSWERS}/{answer['question_id']}")).status_code == 204

        assert await stored(client) == []
        assert (await client.get(LIST)).json() == before

    async def test_delete_answer_that_does_not_exist_is_not_found(self, client: httpx.AsyncClient) -> None:
        unknown_user = await client.delete(f"{ANSWERS}/pair-1")
        await client.put("/v1/users/ada", json={})
        unknown_answer = await client.delete(f"{ANSWERS}/pair-1")

        assert (unknown_user.status_code, unknown_answer.status_code) == (404, 404)
        assert unknown_answer.json()["type"] == "urn:coldstart:problem:answer-not-found"


class TestModelOfInteractions:
    @pytest.fixture
    def settings(self, settings: Settings, implicit_model_dir: Path) -> Settings:
        return settings.model_copy(update={"model_dir": implicit_model_dir})

    async def test_answer_with_a_rating_is_refused_and_others_are_stored(self, client: httpx.AsyncClient) -> None:
        refused = await client.post(ANSWERS, json={"answers": [about("comedy", 4)]})
        await post(client, about("comedy", None), pair("i1", "i2", preferred="i1"))

        assert [error["field"] for error in refused.json()["errors"]] == ["answers.0.rating"]
        assert {each["kind"] for each in await stored(client)} == {"attribute", "pair"}

    async def test_questions_are_those_that_the_user_can_answer(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/questions", params={"n": 100})

        assert answer.status_code == 200
        assert {each["kind"] for each in answer.json()["items"]} <= {"item", "pair"}
