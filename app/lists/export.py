"""Lists for all stored users, written to a Parquet file part by part, so that an interrupted export goes on."""

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field

from app.lists.export_observer import ExportObserver
from app.lists.export_ranking import SCHEMA, Ranking, RankingHere, StartRanking
from app.lists.feedback import KnownUser, ListOptions, read_users
from app.storage.database import Database
from app.storage.users import UserRepository
from models.data.malformed import DataError
from models.ranking import Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import RankBy

_USERS_AT_ONCE = 500
"""Users that are read together. After each batch, progress is reported and the export can be stopped."""

_USERS_OF_PART = 2_000
"""Users of a part: what is ranked again after an interruption."""

_PLAN, _LAST, _USERS = "plan.json", "coldstart.last_user", "coldstart.users"


class ExportOptions(BaseModel):
    """What the lists are to be like.

    Attributes:
        n: The most items of a list.
        rank_by: What orders the lists of known users.
        filters: Conditions on the items.
    """

    model_config = ConfigDict(frozen=True)

    n: int = Field(default=10, ge=1, le=500)
    rank_by: RankBy = RankBy.CHOICE
    filters: dict[str, FieldFilter] = {}

    def list_options(self) -> ListOptions:
        """The same as options of a request."""
        return ListOptions(self.n, rank_by=self.rank_by, filters=self.filters)


class ExportPlan(BaseModel):
    """What the parts of an export have in common. An export goes on only with parts of an equal plan.

    Attributes:
        options: What the lists are like.
        model_version: The version that ranks.
        catalogue: The catalogue version.
    """

    model_config = ConfigDict(frozen=True)

    options: ExportOptions
    model_version: str
    catalogue: int


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        users: Users in the file, those with an empty list included.
        users_before: How many of them an earlier start had ranked.
        rows: Rows of the file.
    """

    users: int
    users_before: int
    rows: int


class ListExport:
    """An export: the plan, and where its file is written.

    Users are ranked in the order of their ids. A part has some of them, and its metadata says who was the last, so that
    an export that is started again goes on behind that user. The file appears once it is complete.

    Args:
        plan: What is exported.
        output: The Parquet file.
    """

    def __init__(self, plan: ExportPlan, output: Path) -> None:
        self._plan = plan
        self._output = output
        self._directory = parts_of(output)

    async def run(
        self,
        database: Database,
        recommender: Recommender,
        *,
        half_life: timedelta,
        observer: ExportObserver,
        ranking: StartRanking = RankingHere,
    ) -> Exported:
        """Rank for all stored users, or for those whom an earlier start has left.

        Args:
            database: Where the users are.
            recommender: That of the plan.
            half_life: After this time, an item that was shown counts half.
            observer: Observes the export.
            ranking: Where to rank.

        Raises:
            DataError: The file cannot be written, or the directory of its parts has something else in it.
            DatabaseUnavailableError: The database cannot be reached. The parts stay.
        """
        try:
            return await self._run(
                database, ranking(recommender, self._plan.options.list_options()), half_life, observer
            )
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{self._output}: cannot be written: {error}") from error

    async def _run(
        self, database: Database, ranking: Ranking, half_life: timedelta, observer: ExportObserver
    ) -> Exported:
        discarded = self._discard_others()
        last, before, number = self._reached()
        async with database.read() as session:
            left = await UserRepository(session).count(after=last)
        observer.begun(users_before=before, users=before + left, discarded=discarded)
        users = before
        async with aclosing(_Reading(database, ranking, half_life).parts(after=last, observer=observer)) as parts:
            async for part in parts:
                users, number = users + part.users, number + 1
                part.write(self._directory, number)
        rows = await to_thread.run_sync(self._merge)
        return Exported(users, before, rows)

    def _discard_others(self) -> bool:
        """Delete the parts of another plan, and return whether there were any.

        Raises:
            DataError: The directory of the parts has something else in it.
        """
        plan, discarded = self._directory / _PLAN, False
        if plan.exists():
            if plan.read_text(encoding="utf-8") == self._plan.model_dump_json():
                return False
            discarded = bool(self._parts())
            shutil.rmtree(self._directory)
        elif self._directory.exists() and any(self._directory.iterdir()):
            raise DataError(f"{self._directory}: is needed for parts, and has other files: choose another output")
        self._directory.mkdir(parents=True, exist_ok=True)
        plan.write_text(self._plan.model_dump_json(), encoding="utf-8")
        return discarded

    def _reached(self) -> tuple[str | None, int, int]:
        """The last ranked user, the number of ranked users, and the number of parts."""
        parts = self._parts()
        metadata = [pl.read_parquet_metadata(part) for part in parts]
        users = sum(int(each[_USERS]) for each in metadata)
        return (metadata[-1][_LAST] if metadata else None), users, len(parts)

    def _parts(self) -> list[Path]:
        return sorted(self._directory.glob("*.parquet"))

    def _merge(self) -> int:
        """Write the file of all parts, and return the number of its rows."""
        staged = self._directory / "file.new"
        empty = pl.LazyFrame(schema=SCHEMA)
        pl.concat([empty, *map(pl.scan_parquet, self._parts())]).sink_parquet(staged)
        staged.replace(self._output)
        shutil.rmtree(self._directory)
        return int(pl.scan_parquet(self._output).select(pl.len()).collect().item())


def parts_of(output: Path) -> Path:
    """The directory of the parts of an unfinished export."""
    return output.with_name(f"{output.name}.parts")


@dataclass(frozen=True)
class _Part:
    """The lists of some users.

    Attributes:
        table: One row an item.
        users: How many users were ranked.
        last: The last of them.
    """

    table: pl.DataFrame
    users: int
    last: str

    def write(self, directory: Path, number: int) -> None:
        """Write the part, which appears once it is complete."""
        staged = directory / "part.new"
        self.table.write_parquet(staged, metadata={_LAST: self.last, _USERS: str(self.users)})
        staged.replace(directory / f"{number:06}.parquet")


@dataclass(frozen=True)
class _Reading:
    """Reads users and has them ranked."""

    database: Database
    ranking: Ranking
    half_life: timedelta

    async def parts(self, *, after: str | None, observer: ExportObserver) -> AsyncGenerator[_Part]:
        """The lists of all users after the id `after`, part by part."""
        tables: list[pl.DataFrame] = []
        users, last = 0, after
        async with aclosing(self._batches(after)) as batches:
            async for ids, table in batches:
                tables.append(table)
                users, last = users + len(ids), ids[-1]
                observer.ranked(len(ids))
                if users >= _USERS_OF_PART:
                    yield _Part(pl.concat(tables), users, last)
                    tables, users = [], 0
        if last is not None and users:
            yield _Part(pl.concat(tables), users, last)

    async def _batches(self, last: str | None) -> AsyncGenerator[tuple[list[str], pl.DataFrame]]:
        """The ids and the lists of users who are read together. As many batches as fit are ranked side by side."""
        begun: deque[tuple[list[str], asyncio.Task[pl.DataFrame]]] = deque()
        try:
            while True:
                ids, known = await self._read(last)
                if ids:
                    last = ids[-1]
                    begun.append((ids, asyncio.ensure_future(self.ranking.lists_of(known))))
                while begun and (not ids or len(begun) >= self.ranking.at_once):
                    former, lists = begun.popleft()
                    yield former, await lists
                if not ids:
                    return
        finally:
            for _, lists in begun:
                lists.cancel()

    async def _read(self, after: str | None) -> tuple[list[str], list[KnownUser]]:
        """The next users after the id `after`."""
        async with self.database.read() as session:
            ids = await UserRepository(session).ids(after=after, limit=_USERS_AT_ONCE)
            known = await read_users(session, ids, half_life=self.half_life)
        return list(ids), list(known.values())
