"""What the first ratings of new items change: errors and lists, before and after the items warm up.

    python -m benchmarks.new_items --data DIR [--work DIR]

writes docs/results/new-items.md and new-items.json. The model is the preset `coldstart`, trained into the work
directory unless it is there already: the one that `benchmarks.quality` measures.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness import table
from benchmarks.quality.contestants import REFERENCE, Contestants
from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.list_episodes import list_episodes
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists, new_items
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.predictors import BATCH_USERS, encoded_for
from models.learners.base import Support
from models.metrics import MAE, MEASURES, PredictedRatings
from models.metrics.bootstrap import bootstrap_averages, interval_95
from models.metrics.lists import LIST_NDCG
from models.metrics.measure import Measure
from models.ranking.new_ratings import NewRatings
from models.ranking.part import Part
from models.ranking.query import RankBy
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"

_COUNTS = (0, 1, 3, 10, 30)
_SUPPORT = 10  # ratings of a user whose lists and ratings are predicted
_TESTED = 5  # every fifth rater of new items is predicted, and warms up none
_RESAMPLES = 2000
_RMSE = MEASURES["rmse"]

_PROTOCOL = """\
The model knows no rating of the new items (states `item_cold` and `user_and_item_cold`). The ratings of known users, in
a random order, count as made after training; those of every fifth user are left out. The first of them warm the new
items up. Each cell: the average over users, then in parentheses the difference to the column 0, where only the
attributes of the new items are known, with its paired bootstrap 95 % interval over users."""

_CAPTIONS = {
    "errors": (
        "Each new item has its first 1, 3, 10 and 30 ratings, or all that there are. Predicted are all ratings of new "
        f"items by the users who were left out (known users) and by new users, from {_SUPPORT} ratings of other items."
    ),
    "lists": (
        "So many ratings have been made that the new items have 1, 3, 10 and 30 of them on average. Lists of new users "
        f"after {_SUPPORT} ratings, as in [Lists](lists.md)."
    ),
}


@dataclass(frozen=True)
class Cell:
    """A measure after some ratings of the new items.

    Attributes:
        ratings: How many ratings each new item has, at most or on average.
        value: The average over users.
        difference: Less the average at 0 ratings.
        interval: The paired bootstrap 95 % interval of the difference, over users.
    """

    ratings: int
    value: float
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Stream:
    """The ratings of known users in a random order, as if all of them were made after training.

    Attributes:
        dataset: The data set.
        rows: int64 [ratings], rows of the data set's ratings.
        new: bool [items], which items are new.
    """

    dataset: Dataset
    rows: NDArray[np.int64]
    new: NDArray[np.bool_]

    @classmethod
    def of(cls, dataset: Dataset, split: Split) -> "Stream":
        """The stream of the users who are not tested."""
        raters = dataset.ratings.users % _TESTED != 0
        rows = np.flatnonzero(np.isin(split.states, (State.WARM, State.ITEM_COLD)) & raters)
        return cls(dataset, np.random.default_rng(0).permutation(rows), new_items(dataset, split))

    def first_of_each(self, most: int) -> NewRatings:
        """The first ratings of each new item, at most so many."""
        places = self._places
        order = places[np.argsort(self._items[places], kind="stable")]
        items = self._items[order]
        number = np.arange(len(items)) - np.searchsorted(items, items)
        return self._counted(np.sort(order[number < most]), len(self.rows))

    def until_mean(self, mean: int) -> NewRatings:
        """The ratings of new items at the moment at which they have so many on average."""
        if not mean:
            return {}
        wanted = self._places[: mean * int(self.new.sum())]
        return self._counted(wanted, int(wanted[-1]) + 1)

    @cached_property
    def _items(self) -> NDArray[np.int32]:
        return self.dataset.ratings.items[self.rows]

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Where the ratings of new items are in the stream."""
        return np.flatnonzero(self.new[self._items])

    def _counted(self, places: NDArray[np.int64], end: int) -> NewRatings:
        items, values = self._items[places], self.dataset.ratings.values[self.rows[places]]
        rated, firsts = np.unique(items, return_index=True)
        counts, sums = np.bincount(items), np.bincount(items, weights=values)
        return {
            self.dataset.items.ids[item]: (int(counts[item]), float(sums[item] / counts[item]), end - 1 - int(first))
            for item, first in zip(rated.tolist(), places[firsts].tolist(), strict=True)
        }


class Errors:
    """The errors of the ratings of new items by users of one kind."""

    def __init__(self, model: TrainedModel, dataset: Dataset, split: Split, *, known_users: bool) -> None:
        self._model, self._dataset = model, dataset
        self._data = encoded_for(model, dataset)
        self._episodes = list(_episodes(dataset, split, known_users=known_users))

    def measured(self, new_ratings: NewRatings) -> dict[str, NDArray[np.float64]]:
        """By measure, each user's value; float64 [users]."""
        learner, tensor = self._model.learner, self._data.tensor
        items = Part.of(self._model, self._dataset.items, new_ratings).embedded[RankBy.RATING].vectors
        values = {measure.name: np.empty(len(self._episodes)) for measure in (MAE, _RMSE)}
        for positions, batch in batches(self._episodes, BATCH_USERS):
            with torch.inference_mode():
                support = Support(
                    users=learner.embed_users(self._data.users.take(tensor(batch.users))),
                    items=items.take(tensor(batch.support_items)),
                    ratings=tensor(batch.support_ratings),
                    mask=tensor(batch.support_mask),
                )
                queries = items.take(tensor(batch.query_items))
                predictions = learner.predict(learner.adapt(support), support.users, queries)
            predicted = PredictedRatings.of(predictions, self._model.schema.rating_scale)
            for measure in (MAE, _RMSE):
                values[measure.name][positions] = measure.per_user(predicted, batch.query_ratings, batch.query_mask)
        return values


def _episodes(dataset: Dataset, split: Split, *, known_users: bool) -> Sequence[Episode]:
    """The tested users: 10 random ratings of other items, and all ratings of new items."""
    ratings, episodes = dataset.ratings, []
    others, new = (State.WARM, State.ITEM_COLD) if known_users else (State.USER_COLD, State.USER_AND_ITEM_COLD)
    for user in range(0, len(dataset.users), _TESTED if known_users else 1):
        rows = np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        support = np.random.default_rng([0, user]).permutation(rows[split.states[rows] == others])[:_SUPPORT]
        query = rows[split.states[rows] == new]
        if len(query):
            episodes.append(Episode.of(ratings, state=new, user=user, support=support, query=query))
    return episodes


class Lists:
    """The lists of new users."""

    def __init__(self, model: TrainedModel, dataset: Dataset, split: Split) -> None:
        self._model, self._dataset = model, dataset
        self._episodes = list_episodes(dataset, split)
        self._catalogue = RankedCatalogue.of(dataset, split.training)
        self._new = self._catalogue.only(new_items(dataset, split))

    def measured(self, new_ratings: NewRatings) -> dict[str, NDArray[np.float64]]:
        """The nDCG@10 of each user's lists, of the whole catalogue and of new items alone; float64 [users]."""
        ranker = ModelRanker(self._model, self._dataset, RankBy.CHOICE, new_ratings)
        ranked = {
            "whole catalogue": (self._episodes.catalogue, self._catalogue),
            "new items": (self._episodes.new_items, self._new),
        }
        return {
            name: measure_lists(ranker, episodes, catalogue, size=_SUPPORT).values[LIST_NDCG.name]
            for name, (episodes, catalogue) in ranked.items()
        }


Rows = dict[str, list[Cell]]
"""By measure and users, its cells at rising numbers of ratings."""


def cells(measure: Measure, columns: Sequence[NDArray[np.float64]]) -> list[Cell]:
    """The cells of one measure, from its users' values (float64 [users]) at each number of ratings."""
    summands = [(measure, values) for values in columns]
    averages, resampled = bootstrap_averages(summands, resamples=_RESAMPLES, seed=0)
    low, high = interval_95(resampled - resampled[:, :1])
    return [
        Cell(
            count, float(averages[place]), float(averages[place] - averages[0]), (float(low[place]), float(high[place]))
        )
        for place, count in enumerate(_COUNTS)
    ]


def measured(model: TrainedModel, dataset: Dataset, split: Split) -> dict[str, Rows]:
    """The errors and the lists."""
    stream, lists = Stream.of(dataset, split), Lists(model, dataset, split)
    errors: Rows = {}
    for users, known_users in (("known users", True), ("new users", False)):
        contest = Errors(model, dataset, split, known_users=known_users)
        values = [contest.measured(stream.first_of_each(count)) for count in _COUNTS]
        for measure in (MAE, _RMSE):
            errors[f"{measure.title}, {users}"] = cells(measure, [own[measure.name] for own in values])
    ranked = [lists.measured(stream.until_mean(mean)) for mean in _COUNTS]
    return {
        "errors": errors,
        # Lists are averaged by the mean, as absolute errors are.
        "lists": {f"{LIST_NDCG.title}, {name}": cells(MAE, [own[name] for own in ranked]) for name in ranked[0]},
    }


def page(figures: Mapping[str, Mapping[str, Rows]]) -> str:
    """The page, as Markdown."""
    parts = [
        "# New items warm up",
        "Regenerated by `python -m benchmarks.new_items --data DIR`; all figures are in new-items.json.",
        _PROTOCOL,
    ]
    for data, tables in figures.items():
        for name, rows in tables.items():
            head = ["", *(str(count) for count in _COUNTS)]
            lines = [[title, *map(_shown, row)] for title, row in rows.items()]
            parts += [f"## {data}: {name}", _CAPTIONS[name], table(head, lines)]
    return "\n\n".join(parts) + "\n"


def _shown(cell: Cell) -> str:
    if not cell.ratings:
        return f"{cell.value:.4f}"
    low, high = cell.interval
    return f"{cell.value:.4f} ({cell.difference:+.4f}: {low:+.4f} to {high:+.4f})"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    split = Split.of(dataset, SplitConfig())
    model = Contestants(dataset, arguments.data, split, arguments.work / dataset.schema.name).trained(REFERENCE)
    tables = measured(model, dataset, split)
    figures = {
        dataset.schema.name: {
            name: {title: [asdict(cell) for cell in row] for title, row in rows.items()}
            for name, rows in tables.items()
        }
    }
    (RESULTS / "new-items.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "new-items.md").write_text(page({dataset.schema.name: tables}), encoding="utf-8")


if __name__ == "__main__":
    main()
