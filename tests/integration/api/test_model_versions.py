import asyncio
import math
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import ArtifactUnusableError
from app.main import create_app
from app.services.container import open_services
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from models.artifact import ArtifactError, TrainedModel, load_artifact, save_artifact
from models.training.preset import Preset
from tests.artifacts import parts_of
from tests.integration.running import connected
from tests.waiting import until_async

VERSIONS = "/v1/model-versions"


@pytest.fixture
async def other_version(client: httpx.AsyncClient, settings: Settings, other_model_dir: Path) -> str:
    """A second version, registered while the server runs."""
    assert client is not None
    async with open_services(settings) as services:
        return await services.model_versions.register(other_model_dir)


def saved_again(model: TrainedModel, directory: Path, **changes: Any) -> Path:  # noqa: ANN401 - any part of it
    """Save the artifact of a model again, with some parts changed."""
    save_artifact(directory, parts_of(model, **changes))
    return directory


def named(model: TrainedModel, name: str) -> Preset:
    return model.manifest.preset.model_copy(update={"name": name})


async def serves(client: httpx.AsyncClient, version: str) -> bool:
    return await serving(client) == version


async def serving(client: httpx.AsyncClient) -> str:
    version: str = (await client.post("/v1/recommendations", json={})).json()["model_version"]
    return version


class TestListModelVersions:
    async def test_list_model_versions_is_in_order_of_the_last_registered_first(
        self, client: httpx.AsyncClient, other_version: str
    ) -> None:
        first = (await client.get(VERSIONS, params={"limit": 1})).json()
        second = (await client.get(VERSIONS, params={"limit": 1, "cursor": first["next_cursor"]})).json()

        (other,), (tiny,) = first["items"], second["items"]
        assert other["version"] == other_version
        assert (other["active"], tiny["active"]) == (False, True)
        assert other["activated_at"] is None
        assert tiny["preset"] == "tiny"
        assert tiny["data"] == "two-tastes"
        assert (tiny["training_users"], tiny["training_items"]) == (91, 32)
        assert tiny["research_twin"] is None


class TestRegisterModelVersion:
    async def test_register_adds_the_version_without_activating_it(
        self, client: httpx.AsyncClient, other_model_dir: Path
    ) -> None:
        before = await serving(client)
        answers = [await client.post(VERSIONS, json={"directory": str(other_model_dir)}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        assert (answers[0].json()["preset"], answers[0].json()["active"]) == ("other", False)
        listed = (await client.get(VERSIONS)).json()["items"]
        assert listed[0] == answers[0].json()
        assert await serving(client) == before

    @pytest.mark.parametrize("directory", ["", "no/such/directory", "x" * 1000, "a\0b"])
    async def test_register_of_a_directory_without_an_artifact_is_refused(
        self, client: httpx.AsyncClient, directory: str
    ) -> None:
        answer = await client.post(VERSIONS, json={"directory": directory})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["directory"]
        assert len((await client.get(VERSIONS)).json()["items"]) == 1


class TestFormerVersion:
    async def test_former_version_after_a_rollback_is_not_the_version_that_was_left(
        self, client: httpx.AsyncClient, other_version: str
    ) -> None:
        async def former() -> dict[str, str | None]:
            return {each["version"]: each["former_version"] for each in (await client.get(VERSIONS)).json()["items"]}

        first = await serving(client)
        assert await former() == {first: None, other_version: None}

        answer = await client.post(f"{VERSIONS}/{other_version}:activate")
        assert answer.json()["former_version"] == first
        await client.post(f"{VERSIONS}/{first}:activate")
        assert await former() == {first: None, other_version: first}
        await client.post(f"{VERSIONS}/{other_version}:activate")
        assert await former() == {first: None, other_version: first}


class TestActivateModelVersion:
    async def test_activate_serves_the_version_and_can_be_rolled_back(
        self, client: httpx.AsyncClient, other_version: str
    ) -> None:
        former = await serving(client)

        answer = await client.post(f"{VERSIONS}/{other_version}:activate")

        assert answer.status_code == 200
        assert answer.json()["active"] is True
        assert await serving(client) == other_version

        await client.post(f"{VERSIONS}/{former}:activate")
        assert await serving(client) == former

    async def test_activate_replaces_cached_lists_of_the_former_version(
        self, client: httpx.AsyncClient, other_version: str
    ) -> None:
        await client.put("/v1/users/ada", json={})
        await client.get("/v1/users/ada/recommendations")

        await client.post(f"{VERSIONS}/{other_version}:activate")

        answer = await client.get("/v1/users/ada/recommendations")
        assert answer.json()["model_version"] == other_version

    async def test_activate_reaches_another_replica(
        self, client: httpx.AsyncClient, settings: Settings, other_version: str
    ) -> None:
        replica_settings = settings.model_copy(update={"model_dir": None})
        async with connected(create_app(replica_settings)) as replica:
            assert await serving(replica) != other_version
            await client.post(f"{VERSIONS}/{other_version}:activate")

            await until_async(lambda: serves(replica, other_version))
            answers = await asyncio.gather(*(serving(replica) for _ in range(20)))

        assert set(answers) == {other_version}

    async def test_activate_and_rollback_by_another_process_leave_the_former_version(
        self, client: httpx.AsyncClient, settings: Settings, other_version: str
    ) -> None:
        former = await serving(client)
        async with open_services(settings) as services:
            await services.model_versions.activate(other_version)
            await services.model_versions.activate(former)

        async def all_are_served_by_the_former() -> bool:
            return set(await asyncio.gather(*(serving(client) for _ in range(10)))) == {former}

        await until_async(all_are_served_by_the_former)  # the server may have loaded the other version in between

    async def test_request_during_activations_uses_one_version(
        self, client: httpx.AsyncClient, other_version: str
    ) -> None:
        former = await serving(client)

        async def swap() -> None:
            for version in (other_version, former) * 3:
                assert (await client.post(f"{VERSIONS}/{version}:activate")).status_code == 200

        async def look() -> None:
            for _ in range(20):
                body = (await client.post("/v1/recommendations", json={})).json()
                assert {item["model_version"] for item in body["items"]} == {body["model_version"]}

        await asyncio.gather(swap(), look(), look())

    async def test_activate_of_an_unknown_version_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{VERSIONS}/nothing:activate")

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:model-version-not-found"

    async def test_activate_of_a_missing_artifact_keeps_the_former_version(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path, tmp_path: Path
    ) -> None:
        former = await serving(client)
        copy = shutil.copytree(other_model_dir, tmp_path / "copy")
        async with open_services(settings) as services:
            version = await services.model_versions.register(copy)
        shutil.rmtree(copy)

        answer = await client.post(f"{VERSIONS}/{version}:activate")

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:artifact-unusable"
        assert await serving(client) == former
        assert (await client.get("/health/ready")).json()["status"] == "ready"

    async def test_activate_of_a_damaged_artifact_keeps_the_former_version(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path, tmp_path: Path
    ) -> None:
        former = await serving(client)
        copy = shutil.copytree(other_model_dir, tmp_path / "copy")
        async with open_services(settings) as services:
            version = await services.model_versions.register(copy)
            weights = (copy / "weights.safetensors").read_bytes()
            (copy / "weights.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))

            with pytest.raises(ArtifactUnusableError, match=r"weights\.safetensors: its SHA-256 does not match"):
                await services.model_versions.activate(version)

        assert (await client.get("/v1/model-traffic")).json()["active"] == former

    async def test_activate_of_a_version_without_finite_predictions_is_refused(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path, tmp_path: Path
    ) -> None:
        former = await serving(client)
        model = load_artifact(other_model_dir)
        weights = {name: value * math.nan for name, value in model.learner.state_dict().items()}
        async with open_services(settings) as services:
            version = await services.model_versions.register(saved_again(model, tmp_path / "nan", weights=weights))

        answer = await client.post(f"{VERSIONS}/{version}:activate")

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:artifact-unusable"
        assert "not all finite numbers" in answer.json()["detail"]
        assert await serving(client) == former

    async def test_activate_with_another_schema_is_refused_unless_allowed(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path, tmp_path: Path
    ) -> None:
        former = await serving(client)
        model = load_artifact(other_model_dir)
        users = model.schema.users.model_copy(update={"fields": model.schema.users.fields[1:]})
        schema = model.schema.model_copy(update={"users": users})
        manifest = model.manifest.model_copy(update={"data_schema": schema, "preset": named(model, "without-country")})
        async with open_services(settings) as services:
            version = await services.model_versions.register(saved_again(model, tmp_path / "less", manifest=manifest))

        answer = await client.post(f"{VERSIONS}/{version}:activate")

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:schema-mismatch"
        assert [error["field"] for error in answer.json()["errors"]] == ["users.country"]
        assert await serving(client) == former

        allowed = await client.post(f"{VERSIONS}/{version}:activate", params={"allow_schema_change": True})
        assert allowed.status_code == 200
        assert await serving(client) == version

    async def test_activate_while_the_model_loads_serves_the_former_version(
        self, client: httpx.AsyncClient, other_version: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        former = await serving(client)
        loading, may_go_on = threading.Event(), threading.Event()

        def load_slowly(directory: Path, *, device: str) -> TrainedModel:
            loading.set()
            assert may_go_on.wait(60)
            return load_artifact(directory, device=device)

        monkeypatch.setattr("app.services.model_host.load_artifact", load_slowly)
        activation = asyncio.create_task(client.post(f"{VERSIONS}/{other_version}:activate"))
        await asyncio.to_thread(loading.wait, 60)
        await client.put("/v1/items/new", json={"title": "New"})
        during = (await client.post("/v1/recommendations", json={"n": 500})).json()
        may_go_on.set()
        assert (await activation).status_code == 200
        after = (await client.post("/v1/recommendations", json={"n": 500})).json()

        assert (during["model_version"], after["model_version"]) == (former, other_version)
        for answer in (during, after):
            assert "new" in {item["item_id"] for item in answer["items"]}

    async def test_replica_without_the_artifact_serves_the_former_version(
        self, client: httpx.AsyncClient, settings: Settings, database: Database, other_model_dir: Path, tmp_path: Path
    ) -> None:
        former = await serving(client)
        copy = shutil.copytree(other_model_dir, tmp_path / "copy")
        async with open_services(settings) as services:
            version = await services.model_versions.register(copy)
        shutil.rmtree(copy)
        async with database.write() as session:  # as a replica that has the artifact would
            await CurrentVersionsRepository(session).activate(version)

        async def is_degraded() -> bool:
            return bool((await client.get("/health/ready")).json()["status"] == "degraded")

        await until_async(is_degraded)
        assert await serving(client) == former
        assert version in (await client.get("/health/ready")).json()["checks"]["model"]
        await client.put("/v1/items/new", json={"title": "New"})
        items = (await client.post("/v1/recommendations", json={"n": 500})).json()["items"]
        assert "new" in {item["item_id"] for item in items}

        shutil.copytree(other_model_dir, copy)
        await until_async(lambda: serves(client, version))
        assert (await client.get("/health/ready")).json()["status"] == "ready"


class TestServerStart:
    async def test_second_start_registers_nothing_and_keeps_catalogue_changes(self, settings: Settings) -> None:
        async with connected(create_app(settings)) as client:
            await client.put("/v1/items/i1", json={"title": "Edited"})
            await client.delete("/v1/items/i2")

        async with connected(create_app(settings)) as client:
            assert len((await client.get(VERSIONS)).json()["items"]) == 1
            assert (await client.get("/v1/items/i1")).json()["title"] == "Edited"
            assert (await client.get("/v1/items/i2")).status_code == 404

    async def test_start_of_several_processes_at_once_serves_one_version(self, settings: Settings) -> None:
        async def start() -> str:
            async with connected(create_app(settings)) as client:
                return await serving(client)

        assert len(set(await asyncio.gather(*(start() for _ in range(4))))) == 1

    async def test_start_without_a_model_directory_serves_the_active_version(
        self, client: httpx.AsyncClient, settings: Settings, other_version: str
    ) -> None:
        await client.post(f"{VERSIONS}/{other_version}:activate")

        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as restarted:
            assert await serving(restarted) == other_version

    async def test_start_after_a_rollback_keeps_the_former_version(
        self, client: httpx.AsyncClient, settings: Settings, other_version: str
    ) -> None:
        await client.post(f"{VERSIONS}/{other_version}:activate")

        async with connected(create_app(settings)) as restarted:
            assert await serving(restarted) == other_version
            assert await serving(client) == other_version

    async def test_start_with_a_model_directory_activates_it(
        self, client: httpx.AsyncClient, settings: Settings, other_version: str
    ) -> None:
        former = await serving(client)
        await client.post(f"{VERSIONS}/{other_version}:activate")

        async with connected(create_app(settings, model_dir=settings.model_dir)) as restarted:
            assert await serving(restarted) == former

    async def test_start_without_any_model_is_not_ready_and_refuses_requests(self, settings: Settings) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as client:
            ready = await client.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["checks"]["model"] == "none"
            for answer in (
                await client.post("/v1/recommendations", json={}),
                await client.put("/v1/users/ada", json={}),
                await client.get("/v1/candidates"),
                await client.post("/v1/evaluations"),
            ):
                assert answer.status_code == 503
                assert answer.json()["type"] == "urn:coldstart:problem:no-active-model"

    @pytest.mark.parametrize("file", ["manifest.json", "weights.safetensors", "items.parquet"])
    async def test_start_with_a_damaged_artifact_fails(
        self, settings: Settings, model_dir: Path, tmp_path: Path, file: str
    ) -> None:
        damaged = shutil.copytree(model_dir, tmp_path / "damaged")
        content = (damaged / file).read_bytes()
        (damaged / file).write_bytes(content[: len(content) // 2])

        with pytest.raises(ArtifactError, match=file):
            async with connected(create_app(settings.model_copy(update={"model_dir": damaged}))):
                pass

    async def test_start_without_the_active_artifact_fails(
        self, settings: Settings, model_dir: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(model_dir, tmp_path / "copy")
        async with connected(create_app(settings.model_copy(update={"model_dir": copy}))):
            pass
        shutil.rmtree(copy)

        with pytest.raises(ArtifactError, match="does not exist"):
            async with connected(create_app(settings.model_copy(update={"model_dir": None}))):
                pass
