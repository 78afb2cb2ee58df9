"""`coldstart recommend`: writes lists for all stored users to a file."""

import asyncio
import time
from enum import StrEnum
from pathlib import Path
from pkgutil import resolve_name
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.checks import require_writable_file
from app.cli.engine import Address, Engine, EngineOption, connected
from app.cli.output import JSONOption, print_json, progress_console
from app.lists.export_observer import ExportObserver

if TYPE_CHECKING:
    from app.lists.export import Exported, ExportOptions
    from app.lists.export_ranking import StartRanking
    from app.settings import Settings
    from models.ranking.filters import FieldFilter


class Order(StrEnum):
    """What orders the lists; the values are those of `models.ranking.query.RankBy`, whose module loads torch."""

    CHOICE = "choice"
    RATING = "rating"


def recommend_command(
    *,
    output: Annotated[Path, typer.Option("--out", dir_okay=False, help="Parquet file to write.")],
    all_users: Annotated[bool, typer.Option("--all", help="For all users of the service's database.")] = False,
    n: Annotated[int, typer.Option(min=1, max=500, help="Most items of a list.")] = 10,
    rank_by: Annotated[Order, typer.Option(help="What orders the lists of known users.")] = Order.CHOICE,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="FIELD:VALUE",
            help="Only items with this value; also FIELD.not:VALUE, FIELD.from:NUMBER and so on, as in requests. May "
            "be repeated.",
        ),
    ] = None,
    engine: EngineOption = Engine.LOCAL,
    address: Address = None,
    as_json: JSONOption = False,
) -> None:
    """Rank for all users of the service's database by the active version, and write their lists to a Parquet file.

    The lists are those that the service answers, by its settings (COLDSTART_…). An interrupted run leaves what it has
    in OUT.parts and goes on when it is started again, unless version, catalogue or options have changed.
    """
    from app.lists.export import ExportOptions
    from app.lists.export_ranking import RankingHere
    from app.settings import read_settings
    from app.storage.database import require_usable
    from models.ranking.query import RankBy
    from models.training.threads import compute_in_one_thread

    if not all_users:
        raise typer.BadParameter("is needed; the API has lists of single users", param_hint="--all")
    compute_in_one_thread()
    require_writable_file(output, "--out")
    settings = read_settings()
    asyncio.run(require_usable(settings.database_url.get_secret_value()))
    options = ExportOptions(n=n, rank_by=RankBy(rank_by), filters=_where(filters or []))
    with connected(engine, address) as is_cluster, _ProgressBar() as bar:
        ranking = resolve_name("app.cluster.lists:RankingOnCluster") if is_cluster else RankingHere
        exported = asyncio.run(_export(settings, options, output, bar, ranking))
    ranked, seconds = exported.users - exported.users_before, bar.seconds
    if as_json:
        print_json(
            {
                "path": output,
                "users": exported.users,
                "users_before": exported.users_before,
                "rows": exported.rows,
                "seconds": round(seconds, 3),
            }
        )
    else:
        typer.echo(f"{output}: {exported.rows:,} rows, lists of {exported.users:,} users")
        typer.echo(
            f"ranked for {ranked:,} users in {seconds:,.1f} s: {ranked / seconds:,.0f} users per second and core"
        )


async def _export(
    settings: "Settings", options: "ExportOptions", output: Path, observer: ExportObserver, ranking: "StartRanking"
) -> "Exported":
    from app.services.container import open_services

    async with open_services(settings) as services:
        await services.model_versions.start_serving(None)
        return await services.list_exports.export(options, output, observer, ranking)


def _where(filters: list[str]) -> "dict[str, FieldFilter]":
    from app.api.filters import parsed
    from app.errors import InvalidRequestError

    try:
        return parsed(filters)
    except InvalidRequestError as error:
        raise typer.BadParameter(error.detail, param_hint="--filter") from None


class _ProgressBar(ExportObserver):
    """Shows a progress bar on standard error, and takes the time."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, transient=True, console=progress_console())
        self._task = self._progress.add_task("users", total=None)
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the first user was read."""
        return time.perf_counter() - self._started

    def begun(self, *, users_before: int, users: int, discarded: bool) -> None:
        """Say where the export starts."""
        if discarded:
            self._progress.print("version, catalogue or options have changed: starting again")
        if users_before:
            self._progress.print(f"going on after {users_before:,} users")
        self._started = time.perf_counter()
        self._progress.update(self._task, total=users, completed=users_before)

    def ranked(self, users: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, users)
