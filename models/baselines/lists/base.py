"""The interface of a baseline for lists."""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class ListRanker(Protocol):
    """Ranks all items of a data set for users with a few ratings.

    Attributes:
        gives_logits: Whether the scores are logarithms of P(choose) up to a constant.
    """

    gives_logits: bool

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """The score of every item for B users; a higher score ranks first.

        Args:
            batch: The users with their support sets. The query sets are not used, but for `EpisodeBatch.now`.

        Returns:
            float32 [B, items], finite.
        """


class BaselineLeftOutError(Exception):
    """A baseline cannot be fitted here; the message is a sentence that says why."""


class ListBaseline(BaseModel, ABC):
    """A way to rank that is fitted on the training ratings; its fields are its settings.

    The defaults are the best settings for MovieLens 1M on the users that are held out for validation:
    `python -m benchmarks.lists.settings --data DIR` searches for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]

    @abstractmethod
    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Fit on the training ratings, which `training` (bool [ratings]) marks.

        Raises:
            BaselineLeftOutError: A package is missing, or the data set is too large.
        """
