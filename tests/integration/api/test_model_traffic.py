import asyncio
import shutil
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services.container import open_services
from app.settings import Settings
from tests.integration.running import connected
from tests.waiting import until_async

TRAFFIC = "/v1/model-traffic"
CHALLENGER = f"{TRAFFIC}/challenger"
USERS = [f"user{number}" for number in range(60)]


@pytest.fixture
async def active(client: httpx.AsyncClient) -> str:
    version: str = (await client.get(TRAFFIC)).json()["active"]
    return version


@pytest.fixture
async def other(client: httpx.AsyncClient, settings: Settings, other_model_dir: Path) -> str:
    """A second version, registered while the server runs."""
    assert client is not None
    async with open_services(settings) as services:
        return await services.model_versions.register(other_model_dir)


async def assignment(client: httpx.AsyncClient) -> dict[str, str]:
    """The version that answers, by user."""
    answers = await asyncio.gather(*(client.get("/v1/candidates", params={"user_id": user}) for user in USERS))
    return {user: answer.json()["model_version"] for user, answer in zip(USERS, answers, strict=True)}


class TestPutChallenger:
    async def test_challenger_serves_always_the_same_share_of_the_users(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        answer = await client.put(CHALLENGER, json={"version": other, "percent": 30})
        first, second = await assignment(client), await assignment(client)

        assert answer.status_code == 200
        assert answer.json() == {"active": active, "challenger": {"version": other, "percent": 30}}
        assert (await client.get(TRAFFIC)).json() == answer.json()
        assert first == second
        assert set(first.values()) == {active, other}
        assert 5 < list(first.values()).count(other) < 31

        await client.put(CHALLENGER, json={"version": other, "percent": 60})
        more = await assignment(client)
        assert {user for user in USERS if first[user] == other} < {user for user in USERS if more[user] == other}

    async def test_answers_about_a_user_all_come_from_the_users_version(
        self, client: httpx.AsyncClient, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 50})
        for user, version in (await assignment(client)).items():
            rated = await client.post(f"/v1/users/{user}/ratings", json={"ratings": [{"item_id": "i1", "rating": 5}]})
            fresh, cached = [await client.get(f"/v1/users/{user}/recommendations") for _ in range(2)]

            assert rated.json()["model_version"] == version
            assert fresh.json()["model_version"] == version
            assert cached.json() == fresh.json()
            assert {item["model_version"] for item in cached.json()["items"]} == {version}

    async def test_cached_answer_of_another_version_is_not_used(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put("/v1/users/ada", json={})
        before = await client.get("/v1/users/ada/recommendations")
        await client.put(CHALLENGER, json={"version": other, "percent": 99.999})
        during = await client.get("/v1/users/ada/recommendations")
        await client.delete(CHALLENGER)
        after = await client.get("/v1/users/ada/recommendations")

        assert (before.json()["model_version"], during.json()["model_version"]) == (active, other)
        assert after.json() == before.json() != during.json()

    async def test_challenger_does_not_serve_requests_without_a_user(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 99.999})

        answers = [
            await client.post("/v1/recommendations", json={}),
            await client.get("/v1/candidates"),
            await client.post("/v1/candidates", json={}),
            await client.get("/v1/schema"),
        ]
        assert {answer.json()["model_version"] for answer in answers} == {active}

    async def test_item_changes_with_a_challenger_reach_both_versions(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 50})
        await client.put("/v1/items/new", json={"title": "New"})
        await client.delete("/v1/items/i1")

        for user in USERS[:8]:
            items = (await client.get("/v1/candidates", params={"user_id": user, "n": 500})).json()["items"]
            assert "new" in {item["item_id"] for item in items}
            assert "i1" not in {item["item_id"] for item in items}
        assert {active, other} == set((await assignment(client)).values())

    async def test_challenger_has_the_same_users_in_every_replica(
        self, client: httpx.AsyncClient, settings: Settings, other: str
    ) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as replica:
            await client.put(CHALLENGER, json={"version": other, "percent": 40})
            expected = await assignment(client)

            async def follows() -> bool:
                return await assignment(replica) == expected

            await until_async(follows)
        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as restarted:
            assert await assignment(restarted) == expected
        # The version of these settings is active already, so activating it changes nothing.
        async with connected(create_app(settings)) as activated_again:
            assert await assignment(activated_again) == expected

    async def test_list_model_versions_shows_the_traffic_shares(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 12.5})

        listed = (await client.get("/v1/model-versions")).json()["items"]

        shares = {version["version"]: (version["active"], version["traffic_percent"]) for version in listed}
        assert shares == {active: (True, 87.5), other: (False, 12.5)}

    @pytest.mark.parametrize("percent", [0, 100, -1, 250, "10", None, True])
    async def test_put_challenger_with_an_invalid_percentage_is_refused(
        self, client: httpx.AsyncClient, other: str, percent: object
    ) -> None:
        answer = await client.put(CHALLENGER, json={"version": other, "percent": percent})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["percent"]
        assert (await client.get(TRAFFIC)).json()["challenger"] is None

    async def test_put_challenger_that_is_unknown_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.put(CHALLENGER, json={"version": "nothing", "percent": 10})

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:model-version-not-found"

    async def test_put_challenger_that_is_active_is_refused(self, client: httpx.AsyncClient, active: str) -> None:
        answer = await client.put(CHALLENGER, json={"version": active, "percent": 10})

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:challenger-is-active"

    async def test_put_challenger_without_its_artifact_is_refused(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(other_model_dir, tmp_path / "copy")
        async with open_services(settings) as services:
            version = await services.model_versions.register(copy)
        shutil.rmtree(copy)

        answer = await client.put(CHALLENGER, json={"version": version, "percent": 10})

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:artifact-unusable"
        assert (await client.get(TRAFFIC)).json()["challenger"] is None

    async def test_put_challenger_without_an_active_version_is_refused(
        self, settings: Settings, other_model_dir: Path
    ) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as client:
            async with open_services(settings) as services:
                version = await services.model_versions.register(other_model_dir)
            answer = await client.put(CHALLENGER, json={"version": version, "percent": 10})

            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:coldstart:problem:no-active-model"


class TestDeleteChallenger:
    async def test_delete_challenger_gives_all_users_to_the_active_version(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 50})

        assert (await client.delete(CHALLENGER)).status_code == 204
        assert (await client.delete(CHALLENGER)).status_code == 204  # a second request changes nothing
        assert (await client.get(TRAFFIC)).json() == {"active": active, "challenger": None}
        assert set((await assignment(client)).values()) == {active}

    async def test_activate_of_the_challenger_ends_the_challenge(self, client: httpx.AsyncClient, other: str) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 50})

        await client.post(f"/v1/model-versions/{other}:activate")

        assert (await client.get(TRAFFIC)).json() == {"active": other, "challenger": None}
        assert set((await assignment(client)).values()) == {other}

    async def test_activate_of_the_active_version_keeps_the_challenge(
        self, client: httpx.AsyncClient, active: str, other: str
    ) -> None:
        await client.put(CHALLENGER, json={"version": other, "percent": 50})

        await client.post(f"/v1/model-versions/{active}:activate")

        assert (await client.get(TRAFFIC)).json()["challenger"] == {"version": other, "percent": 50}
