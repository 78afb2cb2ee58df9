from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.services import choice_counts
from app.settings import Settings
from app.storage.database import Database
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.artifact import load_artifact, save_artifact
from tests.artifacts import parts_of


async def listed(client: httpx.AsyncClient, name: str, **parameters: object) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/lists/{name}", params=parameters)  # type: ignore[arg-type]  # httpx takes them
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def ids(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["item_id"] for item in items]


async def choose(database: Database, item_id: str, users: int, *, days_ago: float = 0.5, first: int = 0) -> None:
    """Let so many users rate an item."""
    rating = RatingRecord(item_id, 4, datetime.now(UTC) - timedelta(days=days_ago))
    names = [f"c{number}" for number in range(first, first + users)]
    async with database.write() as session:
        await UserRepository(session).save(dict.fromkeys(names))
        await RatingRepository(session).save((name, rating) for name in names)


class TestPopular:
    async def test_popular_without_a_window_counts_the_ratings_of_training(
        self, client: httpx.AsyncClient, model_dir: Path
    ) -> None:
        counts = dict(load_artifact(model_dir).statistics.select("id", "rating_count").iter_rows())

        items = await listed(client, "popular", n=5)

        assert [item["choices"] for item in items] == sorted(counts.values(), reverse=True)[:5]
        assert all(item["choices"] == counts[item["item_id"]] for item in items)
        assert [item["rank"] for item in items] == [1, 2, 3, 4, 5]
        assert {item["trend"] for item in items} == {None}

    async def test_popular_in_a_window_counts_the_users_who_chose_an_item_in_it(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await choose(database, "i1", 3)
        await choose(database, "i2", 4, days_ago=2)
        await choose(database, "i3", 5, days_ago=9)
        interactions = [
            {"item_id": "i4", "kind": kind, "event_id": kind} for kind in ("purchase", "view", "dislike")
        ] + [{"item_id": "i5", "kind": "dislike"}, {"item_id": "i1", "kind": "view"}]
        await client.post("/v1/users/c0/interactions", json={"interactions": interactions})

        assert [(item["item_id"], item["choices"]) for item in await listed(client, "popular", days=7)] == [
            ("i2", 4),
            ("i1", 3),
            ("i4", 1),
        ]
        assert ids(await listed(client, "popular", days=1)) == ["i1", "i4"]
        assert ids(await listed(client, "popular", days=30, n=1)) == ["i3"]

    async def test_popular_with_a_filter_has_only_matching_items(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await choose(database, "i1", 1)
        await choose(database, "i2", 2)

        for parameters in ({}, {"days": 7}):
            items = ids(await listed(client, "popular", filter="genre:comedy", n=40, **parameters))
            assert "i1" in items
            assert all(int(item_id.removeprefix("i")) % 2 for item_id in items)

    async def test_popular_leaves_out_deleted_items(self, client: httpx.AsyncClient, database: Database) -> None:
        await choose(database, "i1", 1)
        await choose(database, "i2", 2)
        await client.delete("/v1/items/i2")

        assert ids(await listed(client, "popular", days=7)) == ["i1"]


class TestTrending:
    async def test_trending_has_what_was_chosen_more_than_before(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await choose(database, "i1", 14)
        await choose(database, "i2", 12, days_ago=8)
        await choose(database, "i2", 12, first=20)
        await choose(database, "i3", 1, first=40)
        await choose(database, "i4", 10, days_ago=8)

        (item,) = await listed(client, "trending")

        assert (item["item_id"], item["choices"]) == ("i1", 14)
        assert item["trend"] == pytest.approx((14 - 2 * 14**0.5) / (3 * 27 / 22))

    async def test_trending_with_a_window_compares_it_with_the_one_before(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await choose(database, "i1", 12, days_ago=2)

        assert ids(await listed(client, "trending", days=3)) == ["i1"]
        assert await listed(client, "trending", days=1) == []
        answer = await client.get("/v1/lists/trending", params={"filter": "genre:horror"})
        assert (answer.json()["items"], answer.json()["days"]) == ([], 7)


class TestLatest:
    async def test_latest_is_in_the_order_of_the_date_that_the_schema_names(self, client: httpx.AsyncClient) -> None:
        await client.put("/v1/items/new", json={"title": "New", "attributes": {"year": 2026}})
        await client.put("/v1/items/undated", json={"title": "Undated"})

        items = await listed(client, "latest", n=3)

        assert ids(items) == ["new", "i39", "i38"]
        assert {item["choices"] for item in items} == {None}
        assert "undated" not in ids(await listed(client, "latest", n=100))
        assert ids(await listed(client, "latest", n=2, filter="genre:horror")) == ["i38", "i36"]

    async def test_latest_in_a_window_has_only_items_that_were_added_in_it(self, client: httpx.AsyncClient) -> None:
        assert await listed(client, "latest", days=7) == []
        for item_id, year in (("new1", 2026), ("new2", 2027)):
            await client.put(f"/v1/items/{item_id}", json={"attributes": {"year": year}})
        await client.patch("/v1/items/i1", json={"title": "Changed"})

        assert ids(await listed(client, "latest", days=7)) == ["new2", "new1"]


class TestLatestWithoutADate:
    @pytest.fixture
    def settings(self, settings: Settings, model_dir: Path, tmp_path: Path) -> Settings:
        """Serve the tiny model with a schema that names no date."""
        model = load_artifact(model_dir)
        schema = model.schema.model_copy(update={"items": model.schema.items.model_copy(update={"date": None})})
        manifest = model.manifest.model_copy(update={"data_schema": schema})
        save_artifact(tmp_path / "undated", parts_of(model, manifest=manifest))
        return settings.model_copy(update={"model_dir": tmp_path / "undated"})

    async def test_latest_is_in_the_order_in_which_items_were_added(self, client: httpx.AsyncClient) -> None:
        assert await listed(client, "latest") == []
        for item_id in ("b", "a", "c"):
            await client.put(f"/v1/items/{item_id}", json={})
        await client.put("/v1/items/b", json={"title": "Changed"})
        await client.delete("/v1/items/a")
        await client.put("/v1/items/a", json={})

        assert ids(await listed(client, "latest")) == ["a", "c", "b"]
        assert ids(await listed(client, "latest", days=1, n=1)) == ["a"]


async def test_requests_share_a_count_until_it_is_old(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    monkeypatch.setattr(choice_counts.time, "monotonic", lambda: clock)
    await choose(database, "i1", 1)
    assert ids(await listed(client, "popular", days=7)) == ["i1"]
    await choose(database, "i2", 2)
    assert ids(await listed(client, "popular", days=7)) == ["i1"]
    assert ids(await listed(client, "popular", days=8)) == ["i2", "i1"]

    clock = 3601.0

    assert ids(await listed(client, "popular", days=7)) == ["i2", "i1"]


async def test_list_with_a_wrong_argument_is_refused(client: httpx.AsyncClient) -> None:
    for path, field in {
        "popular?days=0": "days",
        "popular?days=366": "days",
        "trending?n=501": "n",
        "latest?filter=genre:western": "filter.genre",
        "newest": "name",
    }.items():
        answer = await client.get(f"/v1/lists/{path}")

        assert answer.status_code == 422, path
        assert [error["field"] for error in answer.json()["errors"]] == [field]
