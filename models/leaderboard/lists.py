"""Lists of learners as they are served: the items that a user most likely chooses, ordered by P(choose) · P(like)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.lists import ListRanker
from models.data.dataset import Dataset
from models.data.episodes import Episode, EpisodeBatch, batches
from models.data.list_episodes import list_episodes
from models.data.rating_scale import RatingScale
from models.data.splits import Split
from models.evaluation.lists.contest import bounded
from models.evaluation.lists.measuring import RankedCatalogue, best_items, new_items, users_at_once
from models.evaluation.predictors import BATCH_USERS
from models.inputs.rows import TensorRows
from models.leaderboard.store import Cells
from models.learners.base import AnyLearner, AnyScoringModel, ItemScorer, Support
from models.learners.episode_predictions import EncodedData
from models.learners.episode_supports import batch_support
from models.metrics.lists import LIST_LENGTH, LIST_MEASURES, NO_ITEM, RankedLists
from models.ranking.best import best_places
from models.ranking.liking import log_liking

CATALOGUE, NEW_ITEMS = "catalogue", "new_items"
"""What is ranked: the whole catalogue, or its new items alone."""

MEASURED = (f"list_ndcg@{LIST_LENGTH}", f"recall@{LIST_LENGTH}", f"hit_rate@{LIST_LENGTH}")
"""The measures of lists in a leaderboard. They need the lists alone."""

USERS = "users"
"""The array of the users' rows, beside those of the measures."""

_CONSIDERED = 50
"""How many items a user's shortlist has, as in serving (`models.ranking.recommender`)."""

_EMBEDDED_AT_ONCE = 65_536
"""Items that are embedded at once, which bounds the memory."""


@dataclass(frozen=True)
class ListTask:
    """Lists to make.

    Attributes:
        episodes: The users with their support sets and relevant items.
        catalogue: What is ranked.
    """

    episodes: Sequence[Episode]
    catalogue: RankedCatalogue


def cell_name(ranked: str, size: int) -> str:
    """The name of a cell: what is ranked, and after how many ratings."""
    return f"{ranked}-{size}"


def list_tasks(dataset: Dataset, split: Split, *, seed: int) -> dict[str, ListTask]:
    """By cell, the lists to make; without those for which no user has relevant items."""
    episodes = bounded(list_episodes(dataset, split, seed=seed), len(dataset.items))
    catalogue = RankedCatalogue.of(dataset, split.training)
    kinds = {
        CATALOGUE: (episodes.catalogue, catalogue),
        NEW_ITEMS: (episodes.new_items, catalogue.only(new_items(dataset, split))),
    }
    return {
        cell_name(name, size): ListTask([episode.with_support(slice(size)) for episode in users], ranked)
        for name, (users, ranked) in kinds.items()
        for size in episodes.sizes
        if users
    }


class EmbeddedCatalogue:
    """All items of a data set, embedded by one scoring model in evaluation mode."""

    def __init__(self, model: AnyScoringModel, data: EncodedData) -> None:
        self.model = model
        self._data = data
        rows = torch.split(torch.arange(len(data.items), device=data.device), _EMBEDDED_AT_ONCE)
        with torch.inference_mode():
            pieces = (model.embed_items(data.items.take(some)) for some in rows)
            self.items: TensorRows = TensorRows.collect(pieces, len(data.items))

    def support(self, batch: EpisodeBatch) -> Support[Any, Any]:
        """The support sets of a batch of episodes."""
        tensor = self._data.tensor
        users = self.model.embed_users(self._data.users.take(tensor(batch.users)))
        return batch_support(batch, users, self.items.take(tensor(batch.support_items)), tensor)

    def rows(self, rows: NDArray[np.int64]) -> TensorRows:
        """Some of the items (int64, any shape)."""
        return self.items.take(self._data.tensor(rows))


def shortlists(catalogue: EmbeddedCatalogue, tasks: Mapping[str, ListTask]) -> Cells:
    """The items that each user chooses most likely, by a choice model.

    Returns:
        By cell, `rows`: int64 [users, n], best first, `NO_ITEM` where there are fewer, and `scores`: float32
        [users, n], log P(choose) up to a constant of each user, −∞ where there is no item.
    """
    with torch.inference_mode():
        scorer = catalogue.model.prepare(catalogue.items)
        return {cell: _shortlist(catalogue, scorer, task) for cell, task in tasks.items()}


def _shortlist(catalogue: EmbeddedCatalogue, scorer: ItemScorer[Any, Any], task: ListTask) -> dict[str, NDArray[Any]]:
    items = len(task.catalogue.ranked)
    width = min(_CONSIDERED, items)
    rows = np.empty((len(task.episodes), width), dtype=np.int64)
    scores = np.empty((len(task.episodes), width), dtype=np.float32)
    for positions, batch in batches(task.episodes, users_at_once(task.catalogue)):
        support = catalogue.support(batch)
        found = scorer.scores(catalogue.model.adapt(support), support.users).cpu().numpy()
        for position, of_user in zip(positions, _masked(found, task, positions), strict=True):
            rows[position] = best_places(of_user, task.catalogue.counts, width)
            scores[position] = of_user[rows[position]]
    rows[np.isneginf(scores)] = NO_ITEM
    return {"rows": rows, "scores": scores}


def measure_shortlists(
    shortlisted: Cells,
    tasks: Mapping[str, ListTask],
    *,
    liking: Callable[[ListTask, NDArray[np.int64]], NDArray[np.float32]] | None = None,
) -> Cells:
    """The measures of the lists that shortlists become.

    Args:
        shortlisted: What `shortlists` returned for the same tasks.
        tasks: What is ranked for whom.
        liking: Gives log P(like) of a task's users for rows of items, such as `Liking`; None to order by P(choose)
            alone.
    """
    measured: Cells = {}
    for cell, task in tasks.items():
        rows, scores = shortlisted[cell]["rows"], shortlisted[cell]["scores"]
        if liking is not None:
            scores = scores + liking(task, rows.clip(min=0))
        # Ties are resolved as in serving (`best_places`).
        counts = np.where(rows == NO_ITEM, -1, task.catalogue.counts[rows])
        order = np.lexsort((rows, -counts, -scores), axis=1)[:, :LIST_LENGTH]
        measured[cell] = _measured(np.take_along_axis(rows, order, axis=1), task)
    return measured


class Liking:
    """Log P(like) by a learner in evaluation mode."""

    def __init__(self, learner: AnyLearner, data: EncodedData, scale: RatingScale) -> None:
        self._learner = learner
        self._catalogue = EmbeddedCatalogue(learner, data)
        self._scale = scale

    def __call__(self, task: ListTask, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log P(like) of rows of items (int64 [users, n]); float32 [users, n]."""
        found = np.empty(rows.shape, dtype=np.float32)
        with torch.inference_mode():
            for positions, batch in batches(task.episodes, BATCH_USERS):
                support = self._catalogue.support(batch)
                items = self._catalogue.rows(rows[positions])
                predictions = self._learner.predict(self._learner.adapt(support), support.users, items)
                found[positions] = log_liking(predictions, self._scale).cpu().numpy()
        return found


def measure_ranker(ranker: ListRanker, tasks: Mapping[str, ListTask]) -> Cells:
    """The measures of the lists of a baseline."""
    measured: Cells = {}
    for cell, task in tasks.items():
        lists = np.empty((len(task.episodes), LIST_LENGTH), dtype=np.int64)
        for positions, batch in batches(task.episodes, users_at_once(task.catalogue)):
            lists[positions] = best_items(_masked(ranker.scores(batch), task, positions), task.catalogue.counts)
        measured[cell] = _measured(lists, task)
    return measured


def _masked(scores: NDArray[np.float32], task: ListTask, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores of all items, −∞ for those that are not ranked for these users of the task."""
    masked = np.where(task.catalogue.ranked, scores, -np.inf).astype(np.float32)
    for row, position in enumerate(positions.tolist()):
        masked[row, task.episodes[position].support_items] = -np.inf
    return masked


def _measured(lists: NDArray[np.int64], task: ListTask) -> dict[str, NDArray[Any]]:
    """The measures of the lists (int64 [users, k]), and the rows of the users."""
    relevant = [episode.query_items for episode in task.episodes]
    users = np.array([episode.user for episode in task.episodes], dtype=np.int64)
    ranked = RankedLists(
        items=lists,
        hits=np.stack([np.isin(items, wanted) for items, wanted in zip(lists, relevant, strict=True)]),
        relevant=np.array([len(items) for items in relevant], dtype=np.int64),
        information=task.catalogue.information,
        relevant_items=relevant,
        scores=np.zeros((len(lists), 0), dtype=np.float32),  # the measures look at the lists alone
        are_logits=False,
        users=users,
    )
    return {USERS: users, **{name: LIST_MEASURES[name].per_user(ranked) for name in MEASURED}}
