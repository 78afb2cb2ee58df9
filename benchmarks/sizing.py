"""Writes docs/scaling.md from the measured costs of docs/results: what breaks first, and what to provide.

python -m benchmarks.sizing
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PAGE = RESULTS.parent / "scaling.md"

_CLIENTS = "32"
"""The row of the load test that stands for a busy process."""

_BYTES_PER_RATING = sum(np.dtype(kind).itemsize for kind in ("i4", "f4", "i8", "i4", "i1", "?"))
"""Item, value and time, and what training adds: the user's row, the state, and whether it is trained on."""

_GIB, _MIB = 2**30, 2**20
_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Visits:
    """What users are assumed to do; nothing here is measured.

    Attributes:
        ratings: Calls a day of each user that store ratings and return a list.
        lists: Calls that ask for a list again, answered from the cache.
        new_lists: Calls whose list has to be computed.
        peak: The busiest second as a multiple of the mean one.
        utilisation: The share of what a process can do that it is asked for, so that answers stay quick.
        ratings_of_a_user: Stored ratings of each user.
    """

    ratings: float = 5.0
    lists: float = 5.0
    new_lists: float = 2.0
    peak: float = 3.0
    utilisation: float = 0.5
    ratings_of_a_user: float = 165.0


@dataclass(frozen=True)
class Costs:
    """Measured costs of a unit.

    Attributes:
        storing: Calls a second of one API process that store ratings, with PostgreSQL and Redis beside it.
        cached: Calls that are answered from the cache.
        computed: Calls whose list is computed.
        process_mib: Memory of an API process: half of what two take together.
        item_bytes: Memory of a process for each further item.
        item_milliseconds: Time of a list for each further item, by the shortlist.
        list_milliseconds: Time of a list from the shortlist of a catalogue of 100,000 items.
        trained_users: Users a second of meta-training on one core.
        epochs: Passes over the users until the best model.
        listed_users: Users a CPU second whose lists are exported.
    """

    storing: float
    cached: float
    computed: float
    process_mib: float
    item_bytes: float
    item_milliseconds: float
    list_milliseconds: float
    trained_users: float
    epochs: float
    listed_users: float

    @classmethod
    def of(cls, speed: dict[str, Any], lists: dict[str, Any]) -> Self:
        """Read them from the figures of the speed benchmarks (by name) and of the lists for all users."""
        calls = speed["http_load"]["service"]["PostgreSQL and Redis"]
        sizes = speed["million_items"]["presets"]["coldstart"]
        small, large = sizes["100000"], sizes["1000000"]
        more = 1_000_000 - 100_000
        training = speed["training_run"]["coldstart"]

        def rate(call: str) -> float:
            return float(calls[call][_CLIENTS]["requests"] / calls[call][_CLIENTS]["seconds"])

        return cls(
            storing=rate("storing"),
            cached=rate("cached"),
            computed=rate("computed"),
            process_mib=speed["start_up"]["workers"]["forked"]["2"] / 2,
            item_bytes=(large["memory_mib"] - small["memory_mib"]) * _MIB / more,
            item_milliseconds=(large["milliseconds"]["shortlist"] - small["milliseconds"]["shortlist"]) / more,
            list_milliseconds=small["milliseconds"]["shortlist"],
            trained_users=training["users_per_second"],
            epochs=training["best_epoch"],
            listed_users=lists["whole"]["users"] / lists["whole"]["cpu_seconds"],
        )


@dataclass(frozen=True)
class Size:
    """A shop's size, and what it takes.

    Attributes:
        users: Users a day.
        items: Items of the catalogue.
        ratings: Stored ratings.
    """

    users: float
    items: float
    ratings: float

    def calls(self, visits: Visits) -> float:
        """Calls a second at the peak."""
        each = visits.ratings + visits.lists + visits.new_lists
        return self.users * each * visits.peak / _DAY

    def processes(self, costs: Costs, visits: Visits) -> int:
        """API processes for the peak, of which each spends a share of its time on each kind of call."""
        seconds = visits.ratings / costs.storing + visits.lists / costs.cached + visits.new_lists / costs.computed
        # A list of a large catalogue takes longer than that of the load test, whose catalogue is small.
        further = (visits.ratings + visits.new_lists) * costs.item_milliseconds * self.items / 1e3
        return math.ceil(self.users * visits.peak / _DAY * (seconds + further) / visits.utilisation)

    def process_gib(self, costs: Costs) -> float:
        """Memory of one API process."""
        return (costs.process_mib * _MIB + costs.item_bytes * self.items) / _GIB

    def milliseconds(self, costs: Costs) -> float:
        """Time of one list."""
        return costs.list_milliseconds + costs.item_milliseconds * max(0.0, self.items - 100_000)

    def training_gib(self) -> float:
        """The arrays of the ratings in the memory of a training."""
        return self.ratings * _BYTES_PER_RATING / _GIB

    def training_hours(self, costs: Costs, visits: Visits) -> float:
        """A training of the rating model on one core."""
        return self.ratings / visits.ratings_of_a_user * costs.epochs / costs.trained_users / 3600

    def listing_hours(self, costs: Costs, visits: Visits) -> float:
        """CPU time of lists for all users."""
        return self.ratings / visits.ratings_of_a_user / costs.listed_users / 3600


SIZES = {
    "a small shop": Size(1e3, 1e4, 1e6),
    "a large shop": Size(1e5, 1e6, 1e8),
    "a marketplace": Size(1e6, 1e7, 1e9),
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(stored_costs(), Visits()), encoding="utf-8")


def stored_costs() -> Costs:
    """The costs that docs/results has."""
    lines = (json.loads(line) for line in (RESULTS / "speed.jsonl").read_text(encoding="utf-8").splitlines())
    speed = {line["benchmark"]: line["figures"] for line in lines if "figures" in line}
    lists = json.loads((RESULTS / "bulk-lists.json").read_text(encoding="utf-8"))
    return Costs.of(speed, lists)


def page(costs: Costs, visits: Visits) -> str:
    """The page in Markdown."""
    rows = [
        ("users a day", [f"{own.users:,.0f}" for own in SIZES.values()]),
        ("items", [f"{own.items:,.0f}" for own in SIZES.values()]),
        ("ratings", [f"{own.ratings:,.0f}" for own in SIZES.values()]),
        ("calls a second at the peak", [f"{own.calls(visits):,.1f}" for own in SIZES.values()]),
        ("API processes", [str(own.processes(costs, visits)) for own in SIZES.values()]),
        ("GiB of each", [f"{own.process_gib(costs):.1f}" for own in SIZES.values()]),
        ("ms of a list", [f"{own.milliseconds(costs):.0f}" for own in SIZES.values()]),
        ("GiB of ratings in a training", [f"{own.training_gib():.1f}" for own in SIZES.values()]),
        ("hours of a training, one core", [f"{own.training_hours(costs, visits):,.1f}" for own in SIZES.values()]),
        ("CPU hours of lists for all users", [f"{own.listing_hours(costs, visits):,.1f}" for own in SIZES.values()]),
    ]
    table = [
        f"| | {' | '.join(SIZES)} |",
        "|---|" + "--:|" * len(SIZES),
        *(f"| {name} | {' | '.join(values)} |" for name, values in rows),
    ]
    large = SIZES["a marketplace"]
    small_catalogue = Size(large.users, SIZES["a small shop"].items, large.ratings)
    return f"""# Scaling

`python -m benchmarks.sizing` computes this page from the measured costs in [results](results/speed.md), of one machine
with two cores. Sizes beyond the measured ones are extrapolated in a straight line: they have not been run.

## Sizing

{chr(10).join(table)}

Assumed, not measured: a user makes {visits.ratings:.0f} calls a day that store ratings, {visits.lists:.0f} that are
answered from the cache, and {visits.new_lists:.0f} whose list is computed. The busiest second has {visits.peak:.0f}
times the mean, and a process is kept {visits.utilisation:.0%} busy. {visits.ratings_of_a_user:.0f} ratings belong to a
user, as in MovieLens 1M.

## What breaks first

- **{large.items:,.0f} items: the memory of the API processes.** An item takes {costs.item_bytes / 1024:.1f} KiB, so a
  process has {large.process_gib(costs):.0f} GiB, and every process has its own copy. A list takes
  {large.milliseconds(costs):.0f} ms, because the scan of the shortlist grows with the catalogue. So
  {large.users:,.0f} users a day need {large.processes(costs, visits)} processes, where
  {small_catalogue.processes(costs, visits)} are enough with {small_catalogue.items:,.0f} items.
  `python -m benchmarks.indexes` measures vector indexes beside the shortlist.
- **{large.ratings:,.0f} ratings: the memory of a training.** It holds {_BYTES_PER_RATING} bytes for each rating once
  they are read, here {large.training_gib():.0f} GiB, and more while it reads them. `coldstart data convert` reads
  them in a stream instead. On one core a training takes {large.training_hours(costs, visits):.0f} hours. A sample
  of the users is the way out: one model serves all of them.
  [A GPU](results/speed.md#training-and-scoring-on-a-gpu) saves time, not memory.
- **{large.users:,.0f} users a day: PostgreSQL.** A process stores {costs.storing:,.0f} calls with ratings a
  second, answers {costs.cached:,.0f} from the cache and computes {costs.computed:,.0f} lists, with PostgreSQL and Redis
  on the same two cores. Processes share nothing but these two. How many writes PostgreSQL takes from several processes
  has not been measured.

## How to grow

1. More API processes ([operations](operations.md)): they keep no state.
2. PostgreSQL and Redis on machines of their own.
3. A worker for trainings, evaluations and lists for all users, on a machine with the memory above.
4. With several million items, fewer processes, each with a large machine's memory: a process ranks for many users at
   once.
"""


if __name__ == "__main__":
    main()
