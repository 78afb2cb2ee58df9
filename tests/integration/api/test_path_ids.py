"""Ids in paths: every id that a body may have is found, percent-encoded, by every route with an id in its path."""

from urllib.parse import quote

import httpx

IDS = ["a/similar", "x:activate", "../b", "50%", "a%2Fb", "q?é=1#y", "用" * 128]


def encoded(text: str) -> str:
    return quote(text, safe="").replace(".", "%2E")


async def test_items_and_users_of_any_id_are_stored_rated_listed_and_deleted(client: httpx.AsyncClient) -> None:
    for each in IDS:
        item, user = f"/v1/items/{encoded(each)}", f"/v1/users/{encoded(each)}"
        stored = await client.put(item, json={"title": "Odd"})
        assert (stored.status_code, stored.json().get("item_id")) == (200, each)
        assert (await client.get(item)).json()["item_id"] == each

        rated = await client.post(f"{user}/ratings", json={"ratings": [{"item_id": each, "rating": 5}]})
        assert (rated.status_code, rated.json().get("user_id")) == (200, each)
        assert [rating["item_id"] for rating in (await client.get(f"{user}/ratings")).json()["items"]] == [each]
        assert (await client.get(f"{user}/recommendations")).status_code == 200
        assert (await client.delete(f"{user}/ratings/{encoded(each)}")).status_code == 204

        interaction = {"item_id": each, "kind": "view", "event_id": each}
        assert (await client.post(f"{user}/interactions", json={"interactions": [interaction]})).status_code == 200
        assert (await client.delete(f"{user}/interactions/{encoded(each)}")).status_code == 204
        assert (await client.post(f"{user}/skips", json={"item_ids": [each]})).status_code == 204
        assert [skip["item_id"] for skip in (await client.get(f"{user}/skips")).json()["items"]] == [each]

        assert (await client.delete(user)).status_code == 204
        assert (await client.delete(item)).status_code == 204
    assert (await client.get("/v1/items", params={"item_id": IDS})).json()["items"] == []


async def test_ids_of_other_resources_are_decoded(client: httpx.AsyncClient) -> None:
    for path in ("/v1/evaluations/a%2Freport", "/v1/trainings/a%2Fb", "/v1/model-versions/a%2Fb/report"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["detail"].count("a/")) == (404, 1), path
    answer = await client.post("/v1/model-versions/x%3Aactivate:activate")
    assert (answer.status_code, "'x:activate'" in answer.json()["detail"]) == (404, True)


async def test_paths_whose_plain_characters_are_encoded_are_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/%69tems/i%31")).json()["item_id"] == "i1"


async def test_id_in_a_path_that_breaks_the_rule_is_refused(client: httpx.AsyncClient) -> None:
    for wrong in ("a%09b", "x" * 129):
        answer = await client.get(f"/v1/items/{wrong}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "item_id")
