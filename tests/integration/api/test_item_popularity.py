"""Candidates and the list for unknown visitors follow the ratings that the service collects."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services.item_popularity import PopularityCounter
from app.settings import Settings
from app.storage.database import Database
from models.artifact import load_artifact, save_artifact
from tests.artifacts import parts_of, with_closed_form
from tests.integration.running import connected

COMEDY = {"title": "Brand New", "attributes": {"genre": ["comedy"], "year": 2026}}


async def candidate_ids(client: httpx.AsyncClient, strategy: str, n: int = 5) -> list[str]:
    answer = await client.get("/v1/candidates", params={"strategy": strategy, "n": n})
    return [candidate["item_id"] for candidate in answer.json()["items"]]


async def ids_for_visitors(client: httpx.AsyncClient, n: int = 5) -> list[str]:
    return [item["item_id"] for item in (await client.post("/v1/recommendations", json={"n": n})).json()["items"]]


async def rate(client: httpx.AsyncClient, item_id: str, users: Sequence[str], value: int = 5) -> None:
    body = {"ratings": [{"item_id": item_id, "rating": value}]}
    answers = await asyncio.gather(*(client.post(f"/v1/users/{user}/ratings", json=body) for user in users))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("strategy", ["gradient_popularity", "popularity", "popularity_entropy", "sequential"])
async def test_candidates_include_a_new_item_with_many_ratings(
    client: httpx.AsyncClient, database: Database, strategy: str
) -> None:
    await client.put("/v1/items/new", json=COMEDY)
    assert "new" not in await candidate_ids(client, strategy)

    await rate(client, "new", [f"user{number}" for number in range(100)])
    await PopularityCounter(database).count()

    assert "new" in await candidate_ids(client, strategy)


async def test_recommendations_for_an_unknown_visitor_include_a_new_item_with_many_ratings(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.put("/v1/items/new", json=COMEDY)
    await client.put("/v1/users/stranger", json={})
    path = "/v1/users/stranger/recommendations"
    await client.get(path, params={"n": 5})
    before = await ids_for_visitors(client, 41)

    await rate(client, "new", [f"user{number}" for number in range(60)])
    await PopularityCounter(database).count()

    after = await ids_for_visitors(client, 41)
    assert after[0] == "new" != before[0]
    of_stranger = (await client.get(path, params={"n": 41})).json()["items"]
    assert [item["item_id"] for item in of_stranger] == after


async def test_recommendations_for_an_unknown_visitor_rank_a_disliked_item_lower(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = (await ids_for_visitors(client, 1))[0]

    await rate(client, first, [f"user{number}" for number in range(60)], value=1)
    await PopularityCounter(database).count()

    assert first not in await ids_for_visitors(client, 5)


async def test_rating_counts_in_all_replicas_are_the_same(
    client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    async with connected(create_app(settings)) as replica:
        await client.put("/v1/items/new", json=COMEDY)
        await rate(client, "new", [f"user{number}" for number in range(100)])
        await PopularityCounter(database).count()

        assert (
            (await candidate_ids(replica, "popularity", 1)) == (await candidate_ids(client, "popularity", 1)) == ["new"]
        )
    async with connected(create_app(settings)) as late:
        assert await candidate_ids(late, "popularity", 1) == ["new"]


@pytest.fixture
def closed_form_dir(model_dir: Path, tmp_path: Path) -> Path:
    """An artifact whose learner adapts items to their ratings."""
    save_artifact(tmp_path / "closed-form", parts_of(with_closed_form(load_artifact(model_dir))))
    return tmp_path / "closed-form"


async def predictions_for(client: httpx.AsyncClient) -> dict[str, tuple[float, float]]:
    """For a stored user, by item: the predicted rating and P(choose)."""
    answer = await client.get("/v1/users/ada/recommendations", params={"n": 42})
    return {item["item_id"]: (item["predicted_rating"], item["choice_probability"]) for item in answer.json()["items"]}


async def test_first_ratings_of_a_new_item_change_its_predictions_in_all_replicas(
    database: Database, settings: Settings, closed_form_dir: Path
) -> None:
    settings = settings.model_copy(update={"model_dir": closed_form_dir})
    async with connected(create_app(settings)) as client, connected(create_app(settings)) as replica:
        await client.put("/v1/items/new", json=COMEDY)
        await rate(client, "i1", ["ada"], 4)
        await PopularityCounter(database).count()
        before = await predictions_for(client)
        assert await predictions_for(replica) == before

        await rate(client, "new", [f"user{number}" for number in range(20)], value=1)
        await PopularityCounter(database).count()

        after = await predictions_for(client)
        assert after["new"][0] < before["new"][0] - 0.5
        assert after["new"][1] > 2 * before["new"][1]
        assert await predictions_for(replica) == after
        async with connected(create_app(settings)) as late:
            assert await predictions_for(late) == {item_id: pytest.approx(own) for item_id, own in after.items()}

        for number in range(20):
            await client.delete(f"/v1/users/user{number}")
        await PopularityCounter(database).count()
        assert await predictions_for(client) == {item_id: pytest.approx(own) for item_id, own in before.items()}


async def test_rating_counts_after_a_catalogue_change_are_kept(client: httpx.AsyncClient, database: Database) -> None:
    await client.put("/v1/items/new", json=COMEDY)
    await rate(client, "new", [f"user{number}" for number in range(100)])
    await PopularityCounter(database).count()

    await client.put("/v1/items/new", json=COMEDY | {"title": "Changed"})
    assert await candidate_ids(client, "popularity", 1) == ["new"]
    await client.delete("/v1/items/new")
    assert "new" not in await candidate_ids(client, "popularity", 41)


async def test_count_without_new_ratings_changes_nothing(client: httpx.AsyncClient, database: Database) -> None:
    before = await candidate_ids(client, "gradient_popularity", 40)
    await PopularityCounter(database).count()

    assert await candidate_ids(client, "gradient_popularity", 40) == before
