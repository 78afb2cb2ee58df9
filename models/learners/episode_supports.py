"""The support sets of a batch of episodes."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.data.episodes import EpisodeBatch
from models.data.schema import A_RATING
from models.inputs.rows import TensorRows
from models.learners.base import Support

UsersT = TypeVar("UsersT", bound=TensorRows)
ItemsT = TypeVar("ItemsT", bound=TensorRows)


def batch_support(
    batch: EpisodeBatch,
    users: UsersT,
    items: ItemsT,
    tensor: Callable[[NDArray[Any]], Tensor],
    *,
    hidden: NDArray[np.bool_] | None = None,
) -> Support[UsersT, ItemsT]:
    """The support sets of B episodes: their ratings, and their interactions where there are any.

    Args:
        batch: The episodes.
        users: [B], embedded.
        items: [B, S], the support items, embedded.
        tensor: Makes a tensor of an array (`EncodedData.tensor`).
        hidden: bool [B, S], in training the ratings and interactions that show the choice alone.
    """
    times = None if batch.support_times is None else tensor(batch.support_times)
    now = None if batch.now is None else tensor(batch.now)
    kinds = batch.support_kinds
    if kinds is None and hidden is None:
        return Support(users, items, tensor(batch.support_ratings), tensor(batch.support_mask), times=times, now=now)
    kinds = np.full(batch.support_mask.shape, A_RATING, dtype=np.int8) if kinds is None else kinds
    shown = np.ones_like(batch.support_mask) if hidden is None else ~hidden
    rated = batch.support_rated & shown
    return Support(
        users,
        items,
        tensor(batch.support_ratings),
        tensor(rated),
        interaction_items=items,
        interaction_kinds=tensor(np.where(shown, kinds, A_RATING).astype(np.int64)),
        interaction_mask=tensor(batch.support_mask & ~rated),
        interaction_times=times,
        times=times,
        now=now,
    )
