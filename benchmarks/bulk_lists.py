"""Lists for many stored users: how many users a core ranks for in a second.

    python -m benchmarks.bulk_lists --model ARTIFACT [--users N]

Writes docs/results/bulk-lists.{md,json}. Users are made up: each rates about 20 items, drawn in proportion to their
training ratings, with ratings at random. They are stored in SQLite, and `coldstart recommend --all` ranks for them.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from app.lists.export import ExportOptions, ExportPlan, ListExport
from app.lists.export_observer import ExportObserver
from app.lists.item_conversion import to_records
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database, open_database
from app.storage.items import ItemRepository
from app.storage.migrate import upgrade
from app.storage.tables import Rating, User
from models.artifact import TrainedModel, load_artifact
from models.ranking import Recommender
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
MEAN_RATINGS = 20
LENGTH = 10
COMPUTED = 1_000_000
_STORED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        model: The model version.
        items: Items of the catalogue.
        users: Users for whom was ranked.
        ratings: Their ratings.
        seconds: Wall time, reading and writing included.
        cpu_seconds: Processor time of that.
        rows: Rows of the file.
        bytes: Its size.
        peak_mib: The most memory of the process.
    """

    model: str
    items: int
    users: int
    ratings: int
    seconds: float
    cpu_seconds: float
    rows: int
    bytes: int
    peak_mib: float


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--users", type=int, default=100_000)
    arguments = parser.parse_args()
    compute_in_one_thread()
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(measure(load_artifact(arguments.model), arguments.users, Path(directory)))
    (RESULTS / "bulk-lists.json").write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")
    (RESULTS / "bulk-lists.md").write_text(page_of(figures), encoding="utf-8")


async def measure(model: TrainedModel, users: int, directory: Path) -> Figures:
    """Store made-up users, and rank for all of them."""
    output = directory / "lists.parquet"
    recommender = Recommender(model, model.items)
    plan = ExportPlan(options=ExportOptions(n=LENGTH), model_version=model.version, catalogue=1)
    async with open_database(f"sqlite+aiosqlite:///{directory}/coldstart.db") as database:
        await upgrade(database)
        ratings = await store(database, model, users)
        wall, processor = time.perf_counter(), time.process_time()
        exported = await ListExport(plan, output).run(
            database, recommender, half_life=timedelta(hours=24), observer=ExportObserver()
        )
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Figures(
        model=model.version,
        items=len(model.items),
        users=exported.users,
        ratings=ratings,
        seconds=wall,
        cpu_seconds=processor,
        rows=exported.rows,
        bytes=output.stat().st_size,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


async def store(database: Database, model: TrainedModel, users: int) -> int:
    """Store the catalogue and the users, and return how many ratings they have."""
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save(list(to_records(model.items)), version=version)
    now, stored = datetime.now(UTC), 0
    made_up = made_up_users(model, users)
    while batch := list(islice(made_up, _STORED_AT_ONCE)):
        async with database.write() as session:
            await session.execute(
                insert(User.__table__),
                [{"id": user_id, "attributes": {}, "revision": user_id, "created_at": now} for user_id, _ in batch],
            )
            rows = [
                {"user_id": user_id, "item_id": item_id, "rating": rating, "rated_at": now}
                for user_id, ratings in batch
                for item_id, rating in ratings.items()
            ]
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
    per_second = figures.users / figures.cpu_seconds
    mean_ratings = figures.ratings / figures.users
    minutes = COMPUTED / per_second / 60
    mebibytes = figures.bytes / figures.users * COMPUTED / 2**20
    return f"""# Lists for all users

Regenerated by `python -m benchmarks.bulk_lists --model ARTIFACT`; all figures are in bulk-lists.json.

Lists of {LENGTH} items for {figures.users:,} made-up users with {mean_ratings:.1f} ratings each on average, over the
{figures.items:,} items of {figures.model}, from SQLite into a Parquet file, in one process and one thread.

| | |
|---|---|
| users per second and core (processor time) | {per_second:,.0f} |
| processor time | {figures.cpu_seconds:.1f} s |
| wall time, on a machine that had other work too | {figures.seconds:.1f} s |
| peak memory of the process | {figures.peak_mib:,.0f} MiB |
| size of the file | {figures.bytes / 2**20:.1f} MiB |

Computed from these figures and not measured: {COMPUTED:,} users take {minutes:.0f} minutes of one core, and their file
{mebibytes:.0f} MiB.

Time grows with the ratings of a user and with the catalogue. Memory does not grow with the number of users, because the
file is written in parts of 2,000 users.
"""


if __name__ == "__main__":
    main()
