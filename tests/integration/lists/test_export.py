"""Lists for all users, written part by part, and the command that does so."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.lists import export
from app.lists.export import Exported, ExportOptions, ExportPlan, ListExport, parts_of
from app.lists.export_observer import ExportObserver
from app.lists.export_ranking import SCHEMA
from app.lists.feedback import ListOptions, ranking_query, read_users
from app.services.container import open_services
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database, open_database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.users import UserRepository
from models.artifact import load_artifact
from models.data.malformed import DataError
from models.ranking import Recommender
from models.ranking.filters import FieldFilter

USERS = [f"u{number}" for number in range(7)]
HALF_LIFE = timedelta(hours=24)
COMEDIES = {"genre": FieldFilter(("comedy",))}


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite alone: `tests/integration/api/test_list_exports.py` has PostgreSQL too."""
    (tmp_path / "coldstart.db").write_bytes(migrated_sqlite.read_bytes())
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture(scope="module")
def recommender(model_dir: Path) -> Recommender:
    model = load_artifact(model_dir)
    return Recommender(model, model.items)


async def store_users(database: Database) -> None:
    """Seven users who have rated 0 to 6 films."""
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save([ItemRecord(f"i{item}", None, {}) for item in range(7)], version=version)
        await UserRepository(session).save(dict.fromkeys(USERS))
        rated = [(user_id, RatingRecord(f"i{item}", 4)) for place, user_id in enumerate(USERS) for item in range(place)]
        await RatingRepository(session).save(rated)


@pytest.fixture
async def stored(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The users. Exports read 2 at once, and a part has 4."""
    monkeypatch.setattr(export, "_USERS_AT_ONCE", 2)
    monkeypatch.setattr(export, "_USERS_OF_PART", 4)
    await store_users(database)
    return database


class Seen(ExportObserver):
    """Notes what an export tells, and stops it after some batches.

    Args:
        stop_after: The number of batches; None to let it end.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.begins: dict[str, int | bool] = {}
        self.batches: list[int] = []
        self._stop_after = stop_after

    def begun(self, **figures: int | bool) -> None:
        self.begins = figures

    def ranked(self, users: int) -> None:
        self.batches.append(users)
        if len(self.batches) == self._stop_after:
            raise KeyboardInterrupt


def plan_of(recommender: Recommender, *, n: int = 5, catalogue: int = 1, **options: object) -> ExportPlan:
    return ExportPlan(
        options=ExportOptions(n=n, **options), model_version=recommender.model.version, catalogue=catalogue
    )


async def run(plan: ExportPlan, output: Path, stored: Database, recommender: Recommender, seen: Seen) -> Exported:
    return await ListExport(plan, output).run(stored, recommender, half_life=HALF_LIFE, observer=seen)


async def interrupted(plan: ExportPlan, output: Path, stored: Database, recommender: Recommender) -> None:
    """Stop an export in its third batch: 4 of the users are in a part then."""
    with pytest.raises(KeyboardInterrupt):
        await run(plan, output, stored, recommender, Seen(stop_after=3))
    assert [path.name for path in sorted(parts_of(output).iterdir())] == ["000001.parquet", "plan.json"]


async def test_export_has_the_list_of_a_request_for_every_user(
    stored: Database, recommender: Recommender, tmp_path: Path
) -> None:
    output = tmp_path / "lists.parquet"

    exported = await run(plan_of(recommender), output, stored, recommender, Seen())

    assert exported == Exported(users=7, users_before=0, rows=35)
    lists = pl.read_parquet(output).partition_by("user_id", as_dict=True)
    assert [user_id for (user_id,) in lists] == USERS
    async with stored.read() as session:
        known = await read_users(session, USERS, half_life=HALF_LIFE)
    for (user_id,), rows in lists.items():
        state, feedback = known[user_id]
        query = ranking_query(recommender.model.schema, state.attributes, feedback, ListOptions(5))
        asked = recommender.recommend(query)
        assert rows["item_id"].to_list() == [item.item_id for item in asked]
        assert rows["rank"].to_list() == [1, 2, 3, 4, 5]
        for name in ("predicted_rating", "choice_probability", "like_probability"):
            assert rows[name].to_list() == pytest.approx([getattr(item, name) for item in asked], abs=1e-4)
        assert set(rows["model_version"]) == {recommender.model.version}
    assert not parts_of(output).exists()


async def test_interrupted_export_ranks_only_the_users_who_are_left(
    stored: Database, recommender: Recommender, tmp_path: Path
) -> None:
    plan, output, whole = plan_of(recommender), tmp_path / "lists.parquet", tmp_path / "whole.parquet"
    await run(plan, whole, stored, recommender, Seen())
    await interrupted(plan, output, stored, recommender)

    seen = Seen()
    exported = await run(plan, output, stored, recommender, seen)

    assert seen.begins == {"users_before": 4, "users": 7, "discarded": False}
    assert seen.batches == [2, 1]
    assert exported == Exported(users=7, users_before=4, rows=35)
    ids = ["user_id", "rank", "item_id"]
    assert pl.read_parquet(output).select(ids).equals(pl.read_parquet(whole).select(ids))


def test_plan_with_a_filter_is_the_same_when_it_is_read_again() -> None:
    where = {"genre": FieldFilter(("comedy",), none_of=("1990", 1.5)), "year": FieldFilter(lowest=1990.0)}
    plan = ExportPlan(options=ExportOptions(filters=where), model_version="m", catalogue=1)

    assert ExportPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("changes", [{"n": 3}, {"catalogue": 2}, {"filters": COMEDIES}])
async def test_export_of_another_plan_starts_again(
    stored: Database, recommender: Recommender, tmp_path: Path, changes: dict[str, object]
) -> None:
    output = tmp_path / "lists.parquet"
    await interrupted(plan_of(recommender), output, stored, recommender)

    seen = Seen()
    await run(plan_of(recommender, **changes), output, stored, recommender, seen)

    assert seen.begins == {"users_before": 0, "users": 7, "discarded": True}
    assert sum(seen.batches) == 7


async def test_export_without_any_items_is_a_file_without_rows(
    stored: Database, recommender: Recommender, tmp_path: Path
) -> None:
    output = tmp_path / "lists.parquet"

    plan = plan_of(recommender, filters={"genre": FieldFilter(("none",))})
    exported = await run(plan, output, stored, recommender, Seen())

    assert exported == Exported(users=7, users_before=0, rows=0)
    assert pl.read_parquet(output).columns == list(SCHEMA)


async def test_export_into_a_place_that_cannot_be_written_says_so(
    stored: Database, recommender: Recommender, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(DataError, match="cannot be written"):
        await run(plan_of(recommender), tmp_path / "file" / "lists.parquet", stored, recommender, Seen())


async def test_export_leaves_a_directory_alone_that_has_other_files(
    stored: Database, recommender: Recommender, tmp_path: Path
) -> None:
    output = tmp_path / "lists.parquet"
    parts_of(output).mkdir()
    (parts_of(output) / "diary.txt").write_text("dear diary", encoding="utf-8")

    with pytest.raises(DataError, match="has other files"):
        await run(plan_of(recommender), output, stored, recommender, Seen())

    assert (parts_of(output) / "diary.txt").read_text(encoding="utf-8") == "dear diary"


class TestCommand:
    @pytest.fixture
    def variables(self, settings: Settings, model_dir: Path) -> dict[str, str]:
        """The environment of a service with an active version and seven users."""

        async def prepare() -> None:
            async with open_services(settings) as services:
                await services.model_versions.start_serving(model_dir)
            async with open_database(settings.database_url.get_secret_value()) as database:
                await store_users(database)

        asyncio.run(prepare())
        return {"COLDSTART_DATABASE_URL": settings.database_url.get_secret_value()}

    def test_command_writes_the_lists_of_all_users(self, variables: dict[str, str], tmp_path: Path) -> None:
        arguments = ["recommend", "--all", "--out", str(tmp_path / "lists.parquet"), "--n", "2"]

        result = CliRunner().invoke(command_line, [*arguments, "--filter", "genre:comedy", "--json"], env=variables)

        assert result.exit_code == 0, result.output
        figures = json.loads(result.stdout)
        assert (figures["users"], figures["users_before"], figures["rows"]) == (7, 0, 14)
        lists = pl.read_parquet(tmp_path / "lists.parquet")
        assert all(int(item_id[1:]) % 2 for item_id in lists["item_id"])

    def test_command_without_all_or_with_a_wrong_filter_names_the_option(
        self, variables: dict[str, str], tmp_path: Path
    ) -> None:
        output = ["--out", str(tmp_path / "lists.parquet")]
        for arguments, named in ((["recommend"], "--all"), (["recommend", "--all", "--filter", "comedy"], "--filter")):
            result = CliRunner().invoke(command_line, [*arguments, *output], env=variables)
            assert result.exit_code == 2
            assert named in result.output
