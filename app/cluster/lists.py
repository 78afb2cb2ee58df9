"""Lists of an export on a Ray cluster: one task for each group of users.

This process reads the users and writes the file. A task whose process or node is lost is done again by Ray.
"""

from collections.abc import Sequence

import polars as pl
import ray

from app.cluster.connection import processors, task_resources
from app.lists.export_ranking import ranked_lists
from app.lists.feedback import KnownUser, ListOptions
from models.ranking import Recommender
from models.training.threads import compute_in_one_thread

_GROUPS_OF_PROCESSOR = 2
"""Groups that are begun for each processor, so that none waits while users are read."""


class RankingOnCluster:
    """A `Ranking` on the cluster that this process is connected to."""

    def __init__(self, recommender: Recommender, options: ListOptions) -> None:
        device = str(recommender.model.device)
        self._recommender = ray.put(recommender)
        self._options = options
        self._task = ray.remote(_lists).options(**task_resources(device))
        self.at_once = _GROUPS_OF_PROCESSOR * processors(device)

    async def lists_of(self, users: Sequence[KnownUser]) -> pl.DataFrame:
        """The lists of some users."""
        lists: pl.DataFrame = await self._task.remote(self._recommender, users, self._options)
        return lists


def _lists(recommender: Recommender, users: Sequence[KnownUser], options: ListOptions) -> pl.DataFrame:
    compute_in_one_thread()
    return ranked_lists(recommender, users, options)
