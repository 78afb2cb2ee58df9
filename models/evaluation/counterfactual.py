"""How much an attribute alone changes what a user gets: the same support ratings, and another value.

CLOVER (Wei & He, KDD 2022) calls it counterfactual fairness of a cold-start recommender.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines.lists import ListRanker
from models.data.dataset import Dataset, Entities
from models.data.episodes import Episode, EpisodeBatch
from models.data.schema import DatasetSchema
from models.data.splits import Split
from models.evaluation.batch_runner import BatchRunner
from models.evaluation.config import EvaluationConfig
from models.evaluation.curves import evenly_spaced
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import Counterfactual
from models.evaluation.lists.measuring import RankedCatalogue, best_items, users_at_once
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.predictors import Predict, by_learner
from models.fields import AttributeField, FieldKind
from models.metrics.lists import LIST_LENGTH, NO_ITEM
from models.ranking.query import RankBy

_MAX_USERS = 200
"""Most users whose attributes are changed. It bounds the time: the catalogue is ranked for each of them."""


def compared_attributes(schema: DatasetSchema) -> tuple[AttributeField, ...]:
    """The attributes by which users are divided into groups: the categorical and the numeric ones."""
    kinds = (FieldKind.CATEGORICAL, FieldKind.CONTINUOUS)
    return tuple(field for field in schema.users.fields if field.kind in kinds)


@dataclass(frozen=True)
class ChangedUsers:
    """Users with one attribute changed.

    Attributes:
        places: The places of the unchanged users among the episodes.
        episodes: The same episodes, of the changed users.
    """

    places: Sequence[int]
    episodes: Sequence[Episode]


def with_changed_users(
    dataset: Dataset, episodes: Sequence[Episode], attributes: Sequence[str], *, seed: int
) -> tuple[Dataset, dict[str, ChangedUsers]]:
    """Add a copy of each episode's user for each attribute, with the value of a user who has another value.

    A value is as likely as it is frequent among these users. An attribute with a single value has no copies.

    Args:
        dataset: The data set.
        episodes: Whose users are changed.
        attributes: The names of the attributes.
        seed: Of the choice of values.

    Returns:
        The data set with the copies behind its users, and the changed users by attribute. The copies have no ratings.
    """
    table = dataset.users.table
    rows = [episode.user for episode in episodes]
    tables, changed, first = [table], {}, len(table)
    for attribute in attributes:
        generator = np.random.default_rng(seed)
        own = table[attribute][rows].to_list()
        others = [_another(value, own, generator) for value in own]
        places = [place for place, other in enumerate(others) if other is not None]
        if not places:
            continue
        column = pl.Series(attribute, [others[place] for place in places], dtype=table.schema[attribute])
        tables.append(table[[rows[place] for place in places]].with_columns(column))
        copies = [replace(episodes[place], user=first + copy) for copy, place in enumerate(places)]
        changed[attribute] = ChangedUsers(places, copies)
        first += len(places)
    return replace(dataset, users=Entities(pl.concat(tables))), changed


def _another(value: object, values: Sequence[object], generator: np.random.Generator) -> object:
    """One of the known values that is not this one; None if there is no other."""
    others = [other for other in values if other is not None and other != value]
    return others[int(generator.integers(len(others)))] if others else None


@dataclass(frozen=True)
class Counterfactuals:
    """What predicts and ranks for users as they are and with one attribute changed.

    Attributes:
        predict: Predicts ratings.
        ranker: Ranks the catalogue.
        catalogue: What is ranked.
        episodes: The users as they are.
        changed: The changed users by attribute.
    """

    predict: Predict
    ranker: ListRanker
    catalogue: RankedCatalogue
    episodes: Sequence[Episode]
    changed: Mapping[str, ChangedUsers]

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        dataset: Dataset,
        split: Split,
        episodes: Sequence[Episode],
        config: EvaluationConfig,
    ) -> Self | None:
        """A model for some of the users, evenly spaced over the episodes; None without users or attributes."""
        attributes = [field.name for field in compared_attributes(dataset.schema)]
        if not attributes or not episodes:
            return None
        kept = evenly_spaced(episodes, _MAX_USERS)
        extended, changed = with_changed_users(dataset, kept, attributes, seed=config.seed)
        return cls(
            predict=by_learner(model, extended, steps=config.steps),
            ranker=ModelRanker(model, extended, RankBy.CHOICE),
            catalogue=RankedCatalogue.of(dataset, split.training),
            episodes=kept,
            changed=changed,
        )

    @property
    def users_to_predict(self) -> int:
        """How many users are predicted in all; progress is measured by it."""
        return len(self.episodes) + sum(len(changed.episodes) for changed in self.changed.values())

    def changes(
        self, config: EvaluationConfig, runner: BatchRunner, *, size: int | None = None
    ) -> dict[str, Counterfactual]:
        """What each attribute changes.

        Args:
            config: Seed and resamples of the bootstrap.
            runner: Predicts and ranks.
            size: Support ratings that are used; all by default.
        """
        ratings, lists = self._outcome(self.episodes, size, runner)
        found = {}
        for attribute, changed in self.changed.items():
            other_ratings, other_lists = self._outcome(changed.episodes, size, runner)
            values = np.array(
                [
                    (np.abs(ratings[place] - other_ratings[copy]).mean(), _shared(lists[place], other_lists[copy]))
                    for copy, place in enumerate(changed.places)
                ]
            )
            rating_change, shared = estimate_means(values, resamples=config.bootstrap_resamples, seed=config.seed)
            found[attribute] = Counterfactual(rating_change=rating_change, shared_items=shared)
        return found

    def _outcome(
        self, episodes: Sequence[Episode], size: int | None, runner: BatchRunner
    ) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
        """The expected ratings of each user's query items, float32 [Q], and each user's list, int64 [users, 10]."""
        shortened = [episode.with_support(slice(size)) for episode in episodes]
        ratings: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(episodes)
        lists = np.empty((len(episodes), LIST_LENGTH), dtype=np.int64)
        for positions, _, (of_users, found) in runner.run(self._of_batch, shortened, users_at_once(self.catalogue)):
            for place, own in zip(positions, of_users, strict=True):
                ratings[place] = own
            lists[positions] = found
        return ratings, lists

    def _of_batch(self, batch: EpisodeBatch) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
        """The same of one batch."""
        mean, scores = self.predict(batch).mean, self.ranker.scores(batch)
        for row, items in enumerate(batch.support_items):
            scores[row, items[batch.support_mask[row]]] = -np.inf
        ratings = [mean[row, mask] for row, mask in enumerate(batch.query_mask)]
        return ratings, best_items(scores, self.catalogue.counts)


def _shared(own: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """The share of a list's items that are in another list; 1 if there is nothing to list."""
    items = own[own != NO_ITEM]
    return float(np.isin(items, other).mean()) if len(items) else 1.0
