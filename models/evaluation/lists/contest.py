"""Who competes in ranking for new users: the model and the baselines, on the same users and relevant items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines.lists import (
    LIST_BASELINES,
    NEW_ITEM_BASELINES,
    BaselineLeftOutError,
    ListRanker,
    list_baseline_class,
)
from models.data.dataset import Dataset
from models.data.episodes import Episode
from models.data.list_episodes import SUPPORT_SIZES, ListEpisodes, list_episodes
from models.data.splits import Split
from models.evaluation.batch_runner import HERE, BatchRunner
from models.evaluation.config import EvaluationConfig
from models.evaluation.curves import evenly_spaced
from models.evaluation.figures import ListsReport, ListTable
from models.evaluation.lists.measuring import MeasuredLists, RankedCatalogue, measure_lists, new_items
from models.evaluation.lists.rankers import model_rankers
from models.evaluation.lists.tables import list_table

_MOST_SCORES = 200_000_000
"""Scores of one ranker at one support size. It bounds the time: with more users, some are left out, evenly spaced."""


@dataclass(frozen=True)
class ListContest:
    """Rankers, and what they rank for whom.

    Attributes:
        episodes: The users with their support sets and relevant items.
        catalogue: The whole catalogue.
        new_items: Its new items.
        models: The ways in which the evaluated model ranks; first the one by which it recommends.
        baselines: What ranks the whole catalogue beside them.
        new_item_baselines: What ranks new items beside them.
        notes: What is left out, and why.
    """

    episodes: ListEpisodes
    catalogue: RankedCatalogue
    new_items: RankedCatalogue
    models: Mapping[str, ListRanker]
    baselines: Mapping[str, ListRanker]
    new_item_baselines: Mapping[str, ListRanker]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, model: TrainedModel, dataset: Dataset, split: Split, config: EvaluationConfig) -> Self | None:
        """Draw the episodes and fit the baselines; None if no new user has enough ratings.

        Raises:
            DataError: Order of time is wanted, and the data set has no times.
        """
        episodes = list_episodes(dataset, split, order=config.order, seed=config.seed)
        if not episodes.catalogue:
            return None
        kept = bounded(episodes, len(dataset.items))
        baselines, left_out = fitted_baselines(
            [name for name in LIST_BASELINES if name in config.list_baselines], dataset, split.training
        )
        new_item_baselines: dict[str, ListRanker] = {}
        if episodes.new_items:
            new_item_baselines, more = fitted_baselines(NEW_ITEM_BASELINES, dataset, split.training)
            left_out += more
        catalogue = RankedCatalogue.of(dataset, split.training)
        return cls(
            episodes=kept,
            catalogue=catalogue,
            new_items=catalogue.only(new_items(dataset, split)),
            models=model_rankers(model, dataset),
            baselines=baselines,
            new_item_baselines=new_item_baselines,
            notes=(*_notes(episodes, kept), *left_out),
        )

    @property
    def users_to_rank(self) -> int:
        """How many lists there are in all; progress is measured by it."""
        return len(self.episodes.sizes) * (
            len(self.episodes.catalogue) * len({**self.models, **self.baselines})
            + len(self.episodes.new_items) * len({**self.models, **self.new_item_baselines})
        )

    def report(self, config: EvaluationConfig, runner: BatchRunner) -> ListsReport:
        """Rank and measure.

        Args:
            config: Seed and resamples of the bootstrap.
            runner: Runs the rankers.
        """

        def table(
            baselines: Mapping[str, ListRanker], episodes: Sequence[Episode], catalogue: RankedCatalogue
        ) -> ListTable:
            return list_table(
                self.measured({**self.models, **baselines}, episodes, catalogue, runner),
                catalogue,
                relevant=mean_relevant(episodes),
                sizes=self.episodes.sizes,
                resamples=config.bootstrap_resamples,
                seed=config.seed,
            )

        new = self.episodes.new_items
        return ListsReport(
            notes=self.notes,
            catalogue=table(self.baselines, self.episodes.catalogue, self.catalogue),
            new_items=table(self.new_item_baselines, new, self.new_items) if new else None,
        )

    def measured(
        self,
        rankers: Mapping[str, ListRanker],
        episodes: Sequence[Episode],
        catalogue: RankedCatalogue,
        runner: BatchRunner = HERE,
    ) -> dict[str, list[MeasuredLists]]:
        """By ranker, its lists at each support size."""
        return {
            name: [measure_lists(ranker, episodes, catalogue, size=size, runner=runner) for size in self.episodes.sizes]
            for name, ranker in rankers.items()
        }


def fitted_baselines(
    names: Sequence[str], dataset: Dataset, training: NDArray[np.bool_]
) -> tuple[dict[str, ListRanker], list[str]]:
    """The baselines of these names, and why some of them are left out."""
    rankers, left_out = {}, []
    for name in names:
        try:
            rankers[name] = list_baseline_class(name)().fit(dataset, training)
        except BaselineLeftOutError as error:
            left_out.append(str(error))
    return rankers, left_out


def bounded(episodes: ListEpisodes, items: int) -> ListEpisodes:
    """The episodes, or some of them if a catalogue of this size would take too long with all."""
    most = max(1, _MOST_SCORES // items)
    return ListEpisodes(
        episodes.sizes, evenly_spaced(episodes.catalogue, most), evenly_spaced(episodes.new_items, most)
    )


def mean_relevant(episodes: Sequence[Episode]) -> float:
    """How many items are relevant to a user, mean over users."""
    return float(np.mean([len(episode.query_items) for episode in episodes]))


def _notes(episodes: ListEpisodes, kept: ListEpisodes) -> list[str]:
    notes = []
    if episodes.sizes != SUPPORT_SIZES:
        notes.append(
            f"Lists are measured after at most {episodes.sizes[-1]} ratings: "
            "less than half of the new users would have enough ratings for more."
        )
    if len(kept.catalogue) < len(episodes.catalogue):
        notes.append(f"Lists are measured for {len(kept.catalogue):,} of {len(episodes.catalogue):,} users.")
    return notes
