"""Measure lists from interactions alone, and write docs/results/interactions.md and interactions.json.

    python -m benchmarks.interactions --grocery DIR [--movielens DIR] [--work DIR]

1. Purchases: a fifth of the customers is new. The first 1, 2, 3 or 5 purchases are the support set, and all later ones
   are relevant. The preset `coldstart-implicit` competes with and without the links between items.
2. New items: a fifth of the items is new too, and only these are ranked.
3. MovieLens 1M without its stars: every rating counts as a view, and the preset is `coldstart-implicit-dense`. The
   lists are compared with those of the preset `coldstart`, which has the stars, on the same users and the same relevant
   items: whatever a user rated later.

Models are trained into the work directory unless they are there already. The settings of the baselines for purchases
were chosen on customers who are held out for validation: `python -m benchmarks.interactions.settings --grocery DIR`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.interactions.page import MOVIELENS, page
from models.artifact import TrainedModel, load_research_model
from models.baselines.lists import LIST_BASELINES, NEW_ITEM_BASELINES, ListRanker, list_baseline_class
from models.baselines.lists.ease import EASE
from models.baselines.lists.ials import IALS
from models.baselines.lists.item_neighbours import LikedItemNeighbours
from models.baselines.lists.popularity import Popularity
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.list_episodes import list_episodes
from models.data.reader import read_dataset
from models.data.schema import DatasetSchema, InteractionsSource
from models.data.splits import Split, SplitConfig
from models.evaluation.figures import ListTable
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists, new_items
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.lists.tables import list_table
from models.ranking.query import RankBy
from models.train import train
from models.training.preset import default_preset, load_preset
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[2] / "docs" / "results"
SCHEMA = Path(__file__).with_name("grocery.toml")
SIZES = (1, 2, 3, 5)
KNOWN_ITEMS = SplitConfig(new_items=0.0)
"""All items are known, so that only customers are new."""

BASELINES = (
    Popularity(),
    LikedItemNeighbours(shrinkage=3000),
    EASE(ridge=30_000),
    IALS(ridge=1000, confidence=300),
)
"""With the settings that `benchmarks.interactions.settings` found best on the validation customers, within .0001."""

LINKS = ("bought_together", "instead_of")
RESAMPLES = 2000
PRESET = "coldstart-implicit"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grocery", type=Path, required=True)
    parser.add_argument(
        "--movielens", type=Path, help="by default its former figures are kept, because it trains for ten minutes"
    )
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-interactions"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    grocery, _ = read_dataset(arguments.grocery, schema=DatasetSchema.from_toml(SCHEMA))
    tables = {
        **{f"purchases, after {size}": table for size, table in purchases(grocery, arguments.work).items()},
        **{f"new items, after {size}": table for size, table in new_items_alone(grocery, arguments.work).items()},
    }
    if arguments.movielens is not None:
        tables[MOVIELENS] = without_stars(arguments.movielens, arguments.work)
    elif former := json.loads((RESULTS / "interactions.json").read_text(encoding="utf-8")).get(MOVIELENS):
        tables[MOVIELENS] = ListTable.model_validate(former)
    figures = {name: table.model_dump(mode="json") for name, table in tables.items()}
    (RESULTS / "interactions.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "interactions.md").write_text(page(tables), encoding="utf-8")


def purchases(dataset: Dataset, work: Path) -> Mapping[int, ListTable]:
    """The tables of new customers by support size, the whole catalogue ranked."""
    split = Split.of(dataset, KNOWN_ITEMS)
    plain = without_links(dataset)
    rankers: dict[str, ListRanker] = {
        PRESET: ranker(trained(dataset, work / "grocery", KNOWN_ITEMS), dataset),
        f"{PRESET}, without links": ranker(trained(plain, work / "grocery-plain", KNOWN_ITEMS), plain),
        **{baseline.name: baseline.fit(dataset, split.training) for baseline in BASELINES},
    }
    catalogue = RankedCatalogue.of(dataset, split.training)
    return {
        size: table(rankers, later_purchases(dataset, split, size, State.USER_COLD), catalogue, size) for size in SIZES
    }


def new_items_alone(dataset: Dataset, work: Path) -> Mapping[int, ListTable]:
    """The tables of new items, for new customers."""
    config = SplitConfig()
    split = Split.of(dataset, config)
    plain = without_links(dataset)
    nearest = list_baseline_class(NEW_ITEM_BASELINES[0])()
    rankers: dict[str, ListRanker] = {
        PRESET: ranker(trained(dataset, work / "grocery-new", config), dataset),
        f"{PRESET}, without links": ranker(trained(plain, work / "grocery-new-plain", config), plain),
        "nearest by attributes": nearest.fit(dataset, split.training),
        "random": RandomOrder(len(dataset.items)),
    }
    catalogue = RankedCatalogue.of(dataset, split.training).only(new_items(dataset, split))
    return {size: table(rankers, later_new_items(dataset, split, size), catalogue, size) for size in SIZES}


def without_stars(path: Path, work: Path) -> ListTable:
    """The table of MovieLens 1M: a model without stars, one with stars, and baselines without stars."""
    dataset, _ = read_dataset(path)
    views = as_views(dataset)
    split = Split.of(views, SplitConfig())
    episodes = list_episodes(views, split)
    with_stars = trained(dataset, work / "ml-1m", SplitConfig(), preset="coldstart")
    preset = default_preset(views)
    rankers: dict[str, ListRanker] = {
        f"{preset}, without stars": ranker(trained(views, work / "ml-1m-views", SplitConfig(), preset=preset), views),
        "coldstart, with stars": _WithStars(ranker(with_stars, dataset), dataset),
        **{
            f"{name}, without stars": list_baseline_class(name)().fit(views, split.training)
            for name in LIST_BASELINES
            if name != "popularity × mean liked"
        },
    }
    catalogue = RankedCatalogue.of(views, split.training)
    measured = {
        name: [measure_lists(one, episodes.catalogue, catalogue, size=size) for size in episodes.sizes]
        for name, one in rankers.items()
    }
    relevant = float(np.mean([len(episode.query_items) for episode in episodes.catalogue]))
    return list_table(measured, catalogue, relevant=relevant, sizes=episodes.sizes, resamples=RESAMPLES, seed=0)


class _WithStars:
    """A ranker that sees the stars of the same support sets."""

    gives_logits = False

    def __init__(self, ranker: ListRanker, dataset: Dataset) -> None:
        self._ranker = ranker
        ratings = dataset.ratings
        self._stars = dict(
            zip(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True), ratings.values.tolist(), strict=True)
        )

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        stars = np.zeros_like(batch.support_ratings)
        for row, column in zip(*np.nonzero(batch.support_mask), strict=True):
            stars[row, column] = self._stars[int(batch.users[row]), int(batch.support_items[row, column])]
        return self._ranker.scores(replace(batch, support_ratings=stars, support_kinds=None))


class RandomOrder:
    """The same random score of an item for everybody."""

    gives_logits = False

    def __init__(self, items: int) -> None:
        self._scores = np.random.default_rng(0).random(items).astype(np.float32)

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """The scores of the items, for each of the B users."""
        return np.tile(self._scores, (len(batch.users), 1))


def as_views(dataset: Dataset) -> Dataset:
    """The same data with a view in place of every rating."""
    ratings, source = dataset.ratings, dataset.schema.ratings
    interactions = InteractionsSource(files=source.files, user=source.user, item=source.item, kinds={"view": 1.0})
    schema = dataset.schema.model_copy(update={"ratings": None, "rating_scale": None, "interactions": interactions})
    views = replace(ratings, values=np.ones_like(ratings.values), kinds=np.zeros(len(ratings), dtype=np.int8))
    return replace(dataset, schema=schema, ratings=views)


def without_links(dataset: Dataset) -> Dataset:
    """The same data without the links between items."""
    items = dataset.schema.items
    fields = tuple(field for field in items.fields if field.name not in LINKS)
    schema = dataset.schema.model_copy(update={"items": items.model_copy(update={"fields": fields})})
    return replace(dataset, schema=schema)


def later_purchases(dataset: Dataset, split: Split, size: int, state: State) -> list[Episode]:
    """One episode for each customer with more than `size` purchases in a state, in order of time."""
    ratings, episodes = dataset.ratings, []
    for user in range(len(dataset.users)):
        rows = np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        rows = rows[split.states[rows] == state]
        rows = rows[np.argsort(ratings.times[rows], kind="stable")]
        if len(rows) > size:
            episodes.append(Episode.of(ratings, state=state, user=user, support=rows[:size], query=rows[size:]))
    return episodes


def later_new_items(dataset: Dataset, split: Split, size: int) -> list[Episode]:
    """One episode for each new customer who bought new items after the first `size` purchases of known ones."""
    ratings, episodes = dataset.ratings, []
    for user in range(len(dataset.users)):
        rows = np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        rows = rows[np.argsort(ratings.times[rows], kind="stable")]
        known, new = (rows[split.states[rows] == state] for state in (State.USER_COLD, State.USER_AND_ITEM_COLD))
        if len(known) < size:
            continue
        new = new[ratings.times[new] >= ratings.times[known[size - 1]]]
        if len(new):
            episodes.append(Episode.of(ratings, state=State.USER_COLD, user=user, support=known[:size], query=new))
    return episodes


def table(
    rankers: Mapping[str, ListRanker], episodes: Sequence[Episode], catalogue: RankedCatalogue, size: int
) -> ListTable:
    """The table of one support size; the first ranker is the one that others are compared with."""
    measured = {name: [measure_lists(one, episodes, catalogue, size=size)] for name, one in rankers.items()}
    relevant = float(np.mean([len(episode.query_items) for episode in episodes]))
    return list_table(measured, catalogue, relevant=relevant, sizes=(size,), resamples=RESAMPLES, seed=0)


def ranker(model: TrainedModel, dataset: Dataset) -> ModelRanker:
    """A model's lists by choice."""
    return ModelRanker(model, dataset, RankBy.CHOICE)


def trained(dataset: Dataset, directory: Path, config: SplitConfig, *, preset: str = PRESET) -> TrainedModel:
    """The research model of a preset, trained unless it is there already."""
    if not directory.exists():
        Console(stderr=True).print(f"training {preset} into {directory}")
        train(dataset, load_preset(preset), directory, data_path=None, split_config=config, research_only=True)
    return load_research_model(directory)


if __name__ == "__main__":
    main()
