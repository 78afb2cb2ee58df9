"""Where an evaluation computes: in this process, or wherever an engine applies functions to batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.data.episodes import Episode, EpisodeBatch, batches
from models.evaluation.predictors import BATCH_USERS

ResultT = TypeVar("ResultT")


class Apply(Protocol):
    """Applies a function to batches, in any process; the results come in the order of the batches."""

    def __call__(
        self, function: Callable[[EpisodeBatch], ResultT], tasks: Iterable[EpisodeBatch], /
    ) -> Iterator[ResultT]:
        """The results of a function (which can be pickled) for some batches."""


def apply_here(function: Callable[[EpisodeBatch], ResultT], tasks: Iterable[EpisodeBatch], /) -> Iterator[ResultT]:
    """Apply a function to one batch after the other in this process, each when its result is asked for."""
    return map(function, tasks)


def _no_progress(_: int) -> None:
    pass


@dataclass(frozen=True)
class BatchRunner:
    """Runs functions on batches of episodes, and tells how many users are done.

    Attributes:
        apply: Applies the functions.
        batch_done: Called with the number of users after every batch.
    """

    apply: Apply = apply_here
    batch_done: Callable[[int], None] = _no_progress

    def run(
        self, function: Callable[[EpisodeBatch], ResultT], episodes: Sequence[Episode], size: int = BATCH_USERS
    ) -> Iterator[tuple[NDArray[np.int64], EpisodeBatch, ResultT]]:
        """Each batch with the positions of its episodes, and what the function returns for it.

        Several runs may be begun before the results of the first are looked at; an engine computes them side by side.
        """
        parts = list(batches(episodes, size))
        results = self.apply(function, [batch for _, batch in parts])
        return self._told(parts, results)

    def _told(
        self, parts: Sequence[tuple[NDArray[np.int64], EpisodeBatch]], results: Iterator[ResultT]
    ) -> Iterator[tuple[NDArray[np.int64], EpisodeBatch, ResultT]]:
        for (positions, batch), result in zip(parts, results, strict=True):
            yield positions, batch, result
            self.batch_done(len(positions))


HERE = BatchRunner()
"""In this process, without progress."""
