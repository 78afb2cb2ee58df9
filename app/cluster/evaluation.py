"""An evaluation on a Ray cluster: one task for each batch of users.

A task whose process or node is lost is done again by Ray.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import ray

from app.cluster.connection import task_resources
from models.data.episodes import EpisodeBatch
from models.evaluation.batch_runner import Apply
from models.training.threads import compute_in_one_thread

ResultT = TypeVar("ResultT")


def apply_on_cluster(device: str) -> Apply:
    """Applies functions to batches on the cluster that this process is connected to.

    Args:
        device: Where the model is that the functions use.
    """
    task = ray.remote(_result).options(**task_resources(device))

    def apply(function: Callable[[EpisodeBatch], ResultT], tasks: Iterable[EpisodeBatch], /) -> Iterator[ResultT]:
        shared = ray.put(function)
        # All tasks are begun now. Their results are fetched one by one, so that one of them is held at a time.
        results = [task.remote(shared, batch) for batch in tasks]
        return (ray.get(result) for result in results)

    return apply


def _result(function: Callable[[EpisodeBatch], ResultT], batch: EpisodeBatch) -> ResultT:
    compute_in_one_thread()
    return function(batch)
