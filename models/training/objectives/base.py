"""The interface of an objective."""

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.learners.base import OuterBatch


class ObjectiveConfig(BaseModel, ABC):
    """The loss that the outer update minimises; a subclass has a field `kind: Literal[…]` and its own choices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def loss(self, batch: OuterBatch) -> Tensor:
        """The loss of a batch of episodes, a scalar."""
