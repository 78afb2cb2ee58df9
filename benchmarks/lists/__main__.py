"""Measure lists in several draws of the users' ratings, and write docs/results/lists.md, lists.json and plots.

    python -m benchmarks.lists --data DIR [DIR …] [--seeds 5] [--work DIR]

The README's table is that of the first data set.

The model is the preset `coldstart`, trained into the work directory unless it is there already: the one that
`benchmarks.quality` measures.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.lists.draws import pooled
from benchmarks.lists.page import MARKERS, Reports, page, readme_table
from benchmarks.lists.plots import plot_lists
from benchmarks.quality.contestants import REFERENCE, Contestants
from benchmarks.readme import README, replace_between_markers
from models.data.dataset import Dataset
from models.data.evaluation_episodes import Order
from models.data.list_episodes import list_episodes
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation import EvaluationConfig
from models.evaluation.figures import ListsReport, ListTable
from models.evaluation.lists.contest import ListContest, bounded, mean_relevant
from models.evaluation.lists.measuring import MeasuredLists
from models.evaluation.lists.tables import list_table
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[2] / "docs" / "results"
RESAMPLES = 2000


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the users' ratings")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    reports: Reports = {}
    for path in arguments.data:
        dataset, _ = read_dataset(path)
        split = Split.of(dataset, SplitConfig())
        contestants = Contestants(dataset, path, split, arguments.work / dataset.schema.name)
        contest = ListContest.of(contestants.trained(REFERENCE), dataset, split, EvaluationConfig())
        if contest is None:
            Console().print(f"{dataset.schema.name}: no new user has enough ratings")
            continue
        orders = [Order.RANDOM] if dataset.ratings.times is None else list(Order)
        reports[dataset.schema.name] = {
            order.value: measured(contest, dataset, split, order, seeds=arguments.seeds if order is Order.RANDOM else 1)
            for order in orders
        }
        plot_lists(reports[dataset.schema.name], RESULTS / f"lists-{dataset.schema.name}.svg")
    figures = {
        name: {order: report.model_dump(mode="json") for order, report in by_order.items()}
        for name, by_order in reports.items()
    }
    (RESULTS / "lists.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "lists.md").write_text(page(reports, seeds=arguments.seeds), encoding="utf-8")
    if reports:
        first = next(iter(reports.values()))
        replace_between_markers(README, MARKERS, readme_table(first[Order.RANDOM.value]))


def measured(contest: ListContest, dataset: Dataset, split: Split, order: Order, *, seeds: int) -> ListsReport:
    """The report on several draws. The order of time has one draw only."""
    draws = [
        replace(contest, episodes=bounded(list_episodes(dataset, split, order=order, seed=seed), len(dataset.items)))
        for seed in range(seeds)
    ]
    sizes = draws[0].episodes.sizes
    # In small data, a draw can leave another largest size. Its support sets are others then.
    draws = [draw for draw in draws if draw.episodes.sizes == sizes]

    def table(by_draw: list[dict[str, list[MeasuredLists]]], *, new: bool) -> ListTable:
        relevant = [mean_relevant(draw.episodes.new_items if new else draw.episodes.catalogue) for draw in draws]
        return list_table(
            pooled(by_draw),
            contest.new_items if new else contest.catalogue,
            relevant=sum(relevant) / len(relevant),
            sizes=sizes,
            resamples=RESAMPLES,
            seed=0,
        )

    whole = {**contest.models, **contest.baselines}
    new = {**contest.models, **contest.new_item_baselines}
    return ListsReport(
        notes=contest.notes,
        catalogue=table(
            [draw.measured(whole, draw.episodes.catalogue, contest.catalogue) for draw in draws], new=False
        ),
        new_items=table([draw.measured(new, draw.episodes.new_items, contest.new_items) for draw in draws], new=True)
        if contest.new_item_baselines
        else None,
    )


if __name__ == "__main__":
    main()
