"""The processes that train one model together, each with the same weights, and how they share a batch of users.

Every worker draws the same episodes from the same seeds, and computes a part of the users of each batch. Then what is
known of each user is put together, so that an objective sees the whole batch, and the parts of the gradient are added
up. The gradient is that of one process for any number of workers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed


@dataclass(frozen=True)
class Workers:
    """The processes of torch's default process group, as one of them sees it; by default this process alone.

    Attributes:
        rank: The number of this worker, from 0.
        count: How many workers there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def of_process_group(cls) -> Self:
        """The workers of the default process group, which was initialised."""
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_alone(self) -> bool:
        """Whether this process trains alone."""
        return self.count == 1

    def share_of(self, users: int) -> "Share":
        """This worker's share of a batch of so many users."""
        return Share(self, users)

    def add_up(self, values: Tensor) -> None:
        """Replace values by their sum over the workers, in place."""
        if not self.is_alone:
            distributed.all_reduce(values)

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give every worker the first worker's values, in place.

        Workers on different machines compute what they begin with themselves, and may round differently.
        """
        if not self.is_alone:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), src=0)

    def add_up_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace the workers' parts of the gradient by their sum, in one message.

        A parameter that has no gradient with any worker has none afterwards: the optimiser leaves it as it is.
        """
        if self.is_alone:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        parts = [torch.zeros_like(each) if each.grad is None else each.grad for each in trained]
        has_gradient = torch.tensor([float(each.grad is not None) for each in trained]).to(parts[0])
        message = torch.cat([*(part.flatten() for part in parts), has_gradient])
        self.add_up(message)
        *sums, any_has = torch.split(message, [*(part.numel() for part in parts), len(trained)])
        for parameter, gradient, any_worker_has in zip(trained, sums, any_has.tolist(), strict=True):
            parameter.grad = gradient.view_as(parameter) if any_worker_has else None


ALONE = Workers()
"""One process."""


@dataclass(frozen=True)
class Share:
    """The users of a batch that one worker computes: every n-th one of n workers, because a batch is sorted by size.

    Attributes:
        workers: The workers.
        users: How many users the batch has.
    """

    workers: Workers
    users: int

    @property
    def rows(self) -> slice | NDArray[np.int64]:
        """The rows of the users that this worker computes; all of them if it is alone.

        There is one at least, because most code needs a user. A worker that none is left for computes the first user
        too, and its result is not used.
        """
        if self.workers.is_alone:
            return slice(None)
        return self._own if len(self._own) else np.zeros(1, dtype=np.int64)

    @property
    def counts(self) -> bool:
        """Whether the results of `rows` are used."""
        return self.workers.is_alone or len(self._own) > 0

    @property
    def _own(self) -> NDArray[np.int64]:
        """The rows of the users whose results are used."""
        return np.arange(self.workers.rank, self.users, self.workers.count)

    def of_all(self, own: Tensor) -> Tensor:
        """The values of all users of the batch, from those that each worker computed.

        Only this worker's values have a gradient here. The other workers have that of the others.

        Args:
            own: float [rows], the values of `rows`.

        Returns:
            float [users].
        """
        if self.workers.is_alone:
            return own
        rows = torch.from_numpy(self._own).to(own.device)
        own = own[: len(rows)]
        values = own.new_zeros(self.users).index_copy(0, rows, own.detach())
        self.workers.add_up(values)
        return values.index_copy(0, rows, own)
