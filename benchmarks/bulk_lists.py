"""Lists for many stored users: how many users a core ranks for in a second, and what a kill halfway costs.

    python -m benchmarks.bulk_lists --model ARTIFACT [--users N]

Writes docs/results/bulk-lists.{md,json}. Users are made up: each rates about 20 items, drawn in proportion to their
training ratings, with ratings at random. They are stored in SQLite, and `coldstart recommend --all` ranks for them:
once without an interruption, and once until it is killed (SIGKILL) after half of the users, and then started again. The
two files must have the same rows; the command ends with 1 if they have not.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import insert

from app.lists.export import parts_of
from app.storage.database import open_database
from app.storage.tables import Rating, User
from benchmarks.harness import table
from models.artifact import TrainedModel, load_artifact
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
MEAN_RATINGS = 20
LENGTH = 10
COMPUTED = 1_000_000
_STORED_AT_ONCE = 10_000
_COMMAND = (sys.executable, "-m", "app.cli")
_POLL_SECONDS = 0.2
_NEVER = "1e9"


@dataclass(frozen=True)
class Run:
    """One start of `coldstart recommend --all`.

    Attributes:
        users: Users whose lists were complete in the end, those of a former start included.
        seconds: Wall time of the process, with the start of Python and the loading of the model.
        cpu_seconds: Processor time of that.
        peak_mib: The most memory of the process.
    """

    users: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        model: The model version.
        items: Items of the catalogue.
        ratings: Ratings of all users.
        whole: Without an interruption.
        killed: Until the kill.
        resumed: Started again after it.
        rows: Rows of the file.
        bytes: Its size.
        equal: Whether the resumed run's file has the same rows, in the same order, as that of the whole one.
    """

    model: str
    items: int
    ratings: int
    whole: Run
    killed: Run
    resumed: Run
    rows: int
    bytes: int
    equal: bool


def main() -> None:
    """Run from the command line. Exits with 1 if the files differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--users", type=int, default=100_000)
    arguments = parser.parse_args()
    compute_in_one_thread()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(arguments.model, arguments.users, Path(directory))
    (RESULTS / "bulk-lists.json").write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")
    (RESULTS / "bulk-lists.md").write_text(page_of(figures), encoding="utf-8")
    sys.exit(not figures.equal)


def measure(artifact: Path, users: int, directory: Path) -> Figures:
    """Store made-up users, and rank for all of them twice."""
    model = load_artifact(artifact)
    environment = os.environ | {
        "COLDSTART_STATE_DIR": str(directory),
        "COLDSTART_POPULARITY_SECONDS": _NEVER,  # newly counted ratings would change the lists between two starts
    }
    for arguments in (["register", str(artifact.resolve())], ["activate", model.version]):
        subprocess.run([*_COMMAND, "model", *arguments], env=environment, check=True)  # noqa: S603 - our own
    ratings = asyncio.run(store(f"sqlite+aiosqlite:///{directory}/coldstart.db", model, users))
    whole_file, resumed_file = directory / "whole.parquet", directory / "resumed.parquet"
    whole = run(whole_file, environment)
    killed = run(resumed_file, environment, kill_after=users // 2)
    resumed = run(resumed_file, environment)
    lists = pl.read_parquet(whole_file)
    return Figures(
        model=model.version,
        items=len(model.items),
        ratings=ratings,
        whole=whole,
        killed=killed,
        resumed=resumed,
        rows=len(lists),
        bytes=whole_file.stat().st_size,
        equal=lists.equals(pl.read_parquet(resumed_file)),
    )


def run(output: Path, environment: dict[str, str], *, kill_after: int | None = None) -> Run:
    """Start the command, and kill it as soon as so many users have lists in finished parts."""
    began = time.perf_counter()
    arguments = ["recommend", "--all", "--out", str(output), "--n", str(LENGTH), "--json"]
    process = subprocess.Popen([*_COMMAND, *arguments], env=environment, stdout=subprocess.PIPE)  # noqa: S603 - our own
    if kill_after is not None:
        while users_of(output) < kill_after:
            if process.poll() is not None:
                raise RuntimeError(f"the command has ended before {kill_after:,} users had lists")
            time.sleep(_POLL_SECONDS)
        process.kill()
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # instead of `wait`, which does not tell what the process has used
    seconds, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
    if process.returncode != (0 if kill_after is None else -signal.SIGKILL):
        raise RuntimeError(f"the command has ended with {process.returncode}")
    return Run(
        users=json.loads(said)["users"] if kill_after is None else users_of(output),
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
    )


def users_of(output: Path) -> int:
    """How many users have lists in the parts of an unfinished file."""
    parts = parts_of(output).glob("*.parquet")
    return sum(pl.scan_parquet(part).select(pl.col("user_id").n_unique()).collect().item() for part in parts)


async def store(database_url: str, model: TrainedModel, users: int) -> int:
    """Store made-up users, and return how many ratings they have."""
    now, stored = datetime.now(UTC), 0
    made_up = made_up_users(model, users)
    async with open_database(database_url) as database:
        while batch := list(islice(made_up, _STORED_AT_ONCE)):
            rows = [
                {"user_id": user_id, "item_id": item_id, "rating": rating, "rated_at": now}
                for user_id, ratings in batch
                for item_id, rating in ratings.items()
            ]
            async with database.write() as session:
                await session.execute(
                    insert(User.__table__),
                    [{"id": user_id, "attributes": {}, "revision": user_id, "created_at": now} for user_id, _ in batch],
                )
                await session.execute(insert(Rating.__table__), rows)
            stored += len(rows)
    return stored


def made_up_users(model: TrainedModel, users: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Ids of users, and their ratings by item."""
    generator = np.random.default_rng(0)
    counts = model.statistics["rating_count"].to_numpy()
    ids, scale = np.array(model.statistics["id"].to_list()), model.rating_scale
    for number in range(users):
        size = min(max(1, generator.poisson(MEAN_RATINGS)), np.count_nonzero(counts))
        rated = generator.choice(ids, size=size, replace=False, p=counts / counts.sum())
        ratings = scale.rating_of(generator.integers(scale.level_count, size=size))
        yield f"user-{number:07}", dict(zip(rated.tolist(), ratings.tolist(), strict=True))


def page_of(figures: Figures) -> str:
    """The page of results."""
    whole, killed, resumed = figures.whole, figures.killed, figures.resumed
    per_second = whole.users / whole.cpu_seconds
    minutes = COMPUTED / per_second / 60
    mebibytes = figures.bytes / whole.users * COMPUTED / 2**20
    rows = [
        [
            name,
            f"{own.users:,}",
            f"{own.cpu_seconds:.1f} s",
            f"{own.seconds:.1f} s",
            f"{own.peak_mib:,.0f} MiB",
        ]
        for name, own in (
            ("without an interruption", whole),
            ("killed halfway", killed),
            ("started again", resumed),
        )
    ]
    both = killed.cpu_seconds + resumed.cpu_seconds
    cost = (
        f"Both starts together took {both:.1f} s of processor\ntime, the run without an interruption "
        f"{whole.cpu_seconds:.1f} s."
    )
    verdict = (
        "has exactly the same rows, in the same order, as the file of the run without an interruption"
        if figures.equal
        else "**differs from that of the run without an interruption**"
    )
    return f"""# Lists for all users

Regenerated by `python -m benchmarks.bulk_lists --model ARTIFACT`; all figures are in bulk-lists.json.

Lists of {LENGTH} items for {whole.users:,} made-up users with {figures.ratings / whole.users:.1f} ratings each on
average, over the {figures.items:,} items of {figures.model}: `coldstart recommend --all`, from SQLite into a Parquet
file of {figures.rows:,} rows and {figures.bytes / 2**20:.1f} MiB, in one process and one thread. Each start includes
that of Python and the loading of the model.

{table(["run", "users with lists", "processor time", "wall time, beside other work", "peak memory"], rows)}

That is {per_second:,.0f} users per second of one core. A run was killed (SIGKILL) when it had written the lists of half
of the users, and started again. The file {verdict}. {cost}

Computed from these figures and not measured: {COMPUTED:,} users take {minutes:.0f} minutes of one core, and their file
{mebibytes:.0f} MiB.

Time grows with the ratings of a user and with the catalogue. Memory does not grow with the number of users, because the
file is written in parts of 2,000 users.
"""


if __name__ == "__main__":
    main()
