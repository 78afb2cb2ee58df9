"""Workers start a training by themselves if a setting says so."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.jobs.automatic_training import start_training_if_due
from app.jobs.runner import JobRunner
from app.jobs.training import KIND, TrainingParameters
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRecord, ItemRepository
from app.storage.jobs import JobRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.tables import Job
from app.storage.users import UserRepository
from models.training.preset import load_preset

NOW = datetime(2026, 1, 31, tzinfo=UTC)
MANIFEST = {"preset": load_preset("coldstart-implicit").model_dump(mode="json"), "data": {"path": "/nowhere"}}


@pytest.fixture
async def stored(database: Database) -> Database:
    """An active version, three items, and a user with two ratings and one interaction."""
    async with database.write() as session:
        versions = CurrentVersionsRepository(session)
        await ItemRepository(session).save(
            [ItemRecord(f"i{item}", None, {}) for item in range(3)], version=await versions.next_catalogue()
        )
        await UserRepository(session).save({"u": None})
        await RatingRepository(session).save([("u", RatingRecord(f"i{item}", 4.0, NOW)) for item in range(2)])
        await InteractionRepository(session).save([("u", InteractionEvent("i2", "view", NOW, "first"))])
        await ModelVersionRepository(session).register(version_id="v", path="v", manifest=MANIFEST, created_at=NOW)
        await versions.activate("v")
    return database


async def trainings(database: Database) -> list[Job]:
    async with database.read() as session:
        return list(await JobRepository(session).page(kind=KIND, after=None, limit=9))


async def start_if_due(database: Database, *, every: int) -> int:
    """The number of trainings afterwards."""
    await start_training_if_due(database, every=every, data_dir=None)
    return len(await trainings(database))


async def view(database: Database, event_id: str) -> None:
    async with database.write() as session:
        await InteractionRepository(session).save([("u", InteractionEvent("i2", "view", NOW, event_id))])


async def test_training_starts_when_enough_was_added_since_the_last_one(stored: Database) -> None:
    assert await start_if_due(stored, every=4) == 0
    await view(stored, "second")
    assert await start_if_due(stored, every=4) == 1
    (job,) = await trainings(stored)
    parameters = TrainingParameters.model_validate(job.parameters)
    assert (parameters.model_version, parameters.preset.name, parameters.stored) == ("v", "coldstart-implicit", 4)
    assert parameters.activate
    assert parameters.data_path is None

    await view(stored, "third")
    assert await start_if_due(stored, every=1) == 1, "one training waits already"
    async with stored.write() as session:
        await JobRepository(session).cancel(job.id)
    assert await start_if_due(stored, every=2) == 1
    assert await start_if_due(stored, every=1) == 2


async def test_several_workers_start_one_training(stored: Database) -> None:
    await asyncio.gather(*(start_training_if_due(stored, every=1, data_dir=None) for _ in range(4)))
    assert len(await trainings(stored)) == 1


async def test_training_reads_the_data_set_of_the_service(stored: Database, tmp_path: Path) -> None:
    await start_training_if_due(stored, every=1, data_dir=tmp_path)
    (job,) = await trainings(stored)
    assert job.parameters["data_path"] == str(tmp_path)


async def test_without_an_active_version_nothing_starts(database: Database) -> None:
    assert await start_if_due(database, every=1) == 0


@pytest.mark.parametrize(("every", "started"), [(3, 1), (None, 0)])
async def test_workers_do_as_the_setting_says(
    stored: Database, settings: Settings, every: int | None, started: int
) -> None:
    await JobRunner(settings.model_copy(update={"train_every": every}), stored).tidy()
    assert len(await trainings(stored)) == started
