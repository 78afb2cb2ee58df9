"""The audience of an item."""

from typing import Any

import httpx
import pytest

USERS = ("ada", "bob", "cyd", "dan")


@pytest.fixture
async def rated(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada and Cyd love comedies, Bob and Dan horror; Dan rated last."""
    for user_id, liked, count in zip(USERS, (1, 0, 1, 0), (6, 6, 3, 2), strict=True):
        ratings = [{"item_id": f"i{item}", "rating": 5 if item % 2 == liked else 1} for item in range(count)]
        answer = await client.post(f"/v1/users/{user_id}/ratings", json={"ratings": ratings})
        assert answer.is_success, answer.text
    return client


async def audience(client: httpx.AsyncClient, item_id: str, **parameters: str | int) -> dict[str, Any]:
    answer = await client.get(f"/v1/items/{item_id}/audience", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [each["user_id"] for each in page["items"]]


async def test_audience_has_the_figures_of_lists_and_is_ordered_by_their_product(rated: httpx.AsyncClient) -> None:
    page = await audience(rated, "i21")

    assert page["considered"] == 4
    assert set(ids(page)) == set(USERS)
    # The tiny model predicts no distribution, so the place of the predicted rating on the scale stands for P(like).
    scores = [each["choice_probability"] * (each["predicted_rating"] - 1) / 4 for each in page["items"]]
    assert scores == sorted(scores, reverse=True)
    assert set(ids(page)[:2]) == {"ada", "cyd"}  # it is a comedy
    for each in page["items"]:
        listed = (await rated.get(f"/v1/users/{each['user_id']}/recommendations", params={"n": 40})).json()["items"]
        (item,) = (item for item in listed if item["item_id"] == "i21")
        assert each["like_probability"] is item["like_probability"] is None
        for name in ("choice_probability", "predicted_rating"):
            assert each[name] == pytest.approx(item[name], abs=1e-5)


async def test_audience_leaves_out_who_knows_or_dismissed_the_item_and_who_was_not_active_lately(
    rated: httpx.AsyncClient,
) -> None:
    version = (await audience(rated, "i21"))["model_version"]
    dismissal = {"event_id": "e1", "type": "dismissed", "user_id": "dan", "item_id": "i4", "model_version": version}
    assert (await rated.post("/v1/events", json={"events": [dismissal]})).is_success

    page = await audience(rated, "i4")  # which Ada and Bob have rated

    assert ids(page) == ["cyd"]
    assert page["considered"] == 4
    assert set(ids(await audience(rated, "i21", users=2))) == {"cyd", "dan"}


async def test_pages_have_the_whole_audience_once_and_no_erased_user(rated: httpx.AsyncClient) -> None:
    whole = ids(await audience(rated, "i21"))
    first = await audience(rated, "i21", limit=3)
    last = await audience(rated, "i21", limit=3, cursor=first["next_cursor"])
    await rated.delete(f"/v1/users/{whole[0]}")

    assert ids(first) + ids(last) == whole
    assert last["next_cursor"] is None
    assert ids(await audience(rated, "i21")) == whole[1:]


async def test_audience_of_an_unknown_item_and_a_foreign_cursor_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/items/nothing/audience")).status_code == 404
    for cursor in ("NTA=", "eyJhIjogMX0="):
        assert (await client.get("/v1/items/i1/audience", params={"cursor": cursor})).status_code == 422
