"""Questions that new users can answer."""

from typing import Any

import httpx
import pytest

QUESTIONS = "/v1/questions"


async def asked(client: httpx.AsyncClient, **parameters: object) -> list[dict[str, Any]]:
    answer = await client.get(QUESTIONS, params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def values(questions: list[dict[str, Any]]) -> set[str]:
    return {each["value"] for each in questions if each["kind"] == "attribute"}


async def test_questions_to_a_stranger_are_of_the_requested_kind_and_number(client: httpx.AsyncClient) -> None:
    questions = await asked(client, kinds="attribute", n=3)

    assert [each["kind"] for each in questions] == ["attribute"] * 3
    assert all(each["field"] in {"genre", "year"} and each["items"] for each in questions)
    assert all(item["title"].startswith("Film ") for each in questions for item in each["items"])
    assert sorted((each["score"] for each in questions), reverse=True) == [each["score"] for each in questions]


@pytest.mark.parametrize("rating", [4, None])
async def test_question_that_the_user_has_answered_or_cannot_answer_is_not_asked_again(
    client: httpx.AsyncClient, rating: int | None
) -> None:
    assert "comedy" in values(await asked(client, user_id="ada", kinds="attribute", n=100))
    given = {"kind": "attribute", "field": "genre", "value": "comedy", "rating": rating}

    await client.post("/v1/users/ada/answers", json={"answers": [given]})

    later = values(await asked(client, user_id="ada", kinds="attribute", n=100))
    of_visitor = await client.post(QUESTIONS, json={"answers": [given], "kinds": ["attribute"], "n": 100})
    assert "horror" in later
    assert "comedy" not in later | values(of_visitor.json()["items"])
    assert "comedy" in values(await asked(client, user_id="bob", kinds="attribute", n=100))


async def test_questions_with_a_filter_are_about_these_items(client: httpx.AsyncClient) -> None:
    for question in await asked(client, filter="genre:comedy", n=100):
        assert all(int(item["item_id"][1:]) % 2 for item in question["items"])


async def test_questions_without_an_item_do_not_show_it(client: httpx.AsyncClient) -> None:
    shown = {item["item_id"] for each in await asked(client, exclude="i1", n=100) for item in each["items"]}

    assert shown
    assert "i1" not in shown


@pytest.mark.parametrize(
    ("parameters", "field"), [({"kinds": "song"}, "kinds.0"), ({"n": 0}, "n"), ({"filter": "gerne:x"}, "filter.gerne")]
)
async def test_questions_with_an_invalid_parameter_are_refused(
    client: httpx.AsyncClient, parameters: dict[str, object], field: str
) -> None:
    refused = await client.get(QUESTIONS, params=parameters)  # type: ignore[arg-type]

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


async def test_questions_to_a_visitor_with_wrong_feedback_are_refused(client: httpx.AsyncClient) -> None:
    refused = await client.post(
        QUESTIONS,
        json={
            "ratings": [{"item_id": "i1", "rating": 9}],
            "interactions": [{"item_id": "i1", "kind": "rent"}],
            "skipped": ["unheard-of"],
            "attributes": {"height": 3},
        },
    )

    assert {error["field"] for error in refused.json()["errors"]} == {
        "ratings.0.rating",
        "interactions.0.kind",
        "skipped.0",
        "attributes.height",
    }
