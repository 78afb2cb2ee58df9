"""The interface of an objective."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.learners.base import OuterBatch


class ObjectiveConfig(BaseModel, ABC):
    """The loss that the outer update minimises; a subclass has a field `kind: Literal[…]` and its own choices.

    Attributes:
        needs_distribution: Whether the learner has to predict a distribution over the ratings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    needs_distribution: ClassVar[bool] = False

    @abstractmethod
    def loss(self, batch: OuterBatch) -> Tensor:
        """The loss of a batch of episodes, a scalar."""
