"""Training episodes that are drawn on a GPU, without a copy or a wait from one batch to the next."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.dataset import UNKNOWN_TIME
from models.data.episodes import parts_of
from models.data.training_episodes import TrainingEpisodes
from models.data.user_folds import fold_of
from models.learners.episode_predictions import EncodedData, EpisodeTensors

_MIN_SAVED_ROWS = 65_536
"""Rows of padding that another part of a batch must save on a GPU. A part there costs some hundred kernels of a few
microseconds each, in which a GPU computes tens of thousands of rows."""


class DeviceEpisodes:
    """Draws the episodes of `TrainingEpisodes`, from the same distribution, where the learner computes.

    The ratings lie on the device. Once an epoch they are shuffled within each user, by one sort; a user's support set
    is then the first of them, and the query set those that follow. The host draws the order of the users and their
    support sizes, so that it knows all shapes, and copies both once an epoch. A step neither copies nor waits, so the
    host prepares the next step while the device computes.
    """

    def __init__(self, episodes: TrainingEpisodes, data: EncodedData) -> None:
        """Copy the training ratings to the device.

        Args:
            episodes: What is drawn from: ratings, no interactions.
            data: Encodes the items, and names the device.
        """
        self._episodes = episodes
        self._device = data.device
        self._item_count = len(data.items)
        ratings, rows = episodes.ratings, episodes.rows
        self._users = self._copied(ratings.users[rows])
        self._items = self._copied(ratings.items[rows])
        self._values = self._copied(ratings.values[rows])
        self._times = None if ratings.times is None else self._copied(ratings.times[rows])
        self._starts = self._copied(episodes.starts)
        self._counts = self._copied(episodes.counts)
        self._all_items = torch.arange(self._item_count, device=self._device)

    def epoch(
        self,
        generator: np.random.Generator,
        device_generator: torch.Generator,
        batch_users: int,
        users: NDArray[np.int64] | None = None,
        *,
        empty_supports: float = 0.0,
    ) -> Iterator[tuple[int, EpisodeTensors]]:
        """One pass over users; each batch with the fold of its users. See `TrainingEpisodes.epoch`.

        Args:
            generator: Draws the users' order, their support sizes, and which support sets are empty.
            device_generator: Draws the ratings; on the device.
            batch_users: Users of a batch.
            users: int64 [episodes], the rows of the users, with repetitions; every user once by default.
            empty_supports: Share of the episodes with an empty support set.
        """
        groups = list(self._episodes.groups(generator, batch_users, users))
        sizes = [self._support_sizes(group, generator, empty_supports) for group in groups]
        orders = [np.argsort(own, kind="stable") for own in sizes]
        groups = [group[order] for group, order in zip(groups, orders, strict=True)]
        sizes = [own[order] for own, order in zip(sizes, orders, strict=True)]
        all_users, all_sizes = self._copied(np.concatenate(groups)), self._copied(np.concatenate(sizes))
        shuffled = self._shuffled(device_generator)
        in_time = self._in_order_of_time(shuffled) if self._episodes.in_order_of_time else None
        ends = np.cumsum([len(group) for group in groups])
        for group, own, end in zip(groups, sizes, ends.tolist(), strict=True):
            batch = slice(end - len(group), end)
            order = shuffled, in_time
            drawn = self._draw(all_users[batch], all_sizes[batch], own, order, device_generator)
            yield int(fold_of(group[0])), drawn

    def _support_sizes(
        self, users: NDArray[np.int64], generator: np.random.Generator, empty_supports: float
    ) -> NDArray[np.int64]:
        """Log-uniform sizes, some of them 0; int64 [B]."""
        largest = np.minimum(self._episodes.max_support, self._episodes.counts[users] - 1)
        sizes = np.exp(generator.uniform(0.0, np.log(largest + 1))).astype(np.int64)
        return np.where(generator.random(len(users)) < empty_supports, 0, sizes)

    def _shuffled(self, generator: torch.Generator) -> Tensor:
        """The ratings, user after user, in random order within each; int64 [ratings]."""
        draws = torch.rand(len(self._users), dtype=torch.float64, device=self._device, generator=generator)
        return (self._users + draws).argsort()

    def _in_order_of_time(self, shuffled: Tensor) -> Tensor:
        """The ratings, user after user, the earliest first; those of the same time as in `shuffled`."""
        assert self._times is not None  # noqa: S101 - without times no episode is in their order
        by_time = shuffled[self._times[shuffled].argsort(stable=True)]
        return by_time[self._users[by_time].argsort(stable=True)]

    def _draw(
        self,
        users: Tensor,
        sizes: Tensor,
        host_sizes: NDArray[np.int64],
        order: tuple[Tensor, Tensor | None],
        generator: torch.Generator,
    ) -> EpisodeTensors:
        """A batch of users, sorted by their support sizes, which the host knows as well."""
        width, query_width = int(host_sizes[-1]), self._episodes.max_query
        places = torch.arange(width + query_width, device=self._device)
        counts = self._counts[users].unsqueeze(1)
        sizes = sizes.unsqueeze(1)
        # The support set comes first, and the query set behind the width of the largest support set.
        is_query = places >= width
        ranks = torch.where(is_query, places - width + sizes, places)
        mask = torch.where(is_query, ranks < counts, ranks < sizes)
        positions = self._starts[users].unsqueeze(1) + ranks * mask
        shuffled, in_time = order
        rows = shuffled[positions]
        if in_time is not None:
            chosen = torch.rand(len(users), 1, device=self._device, generator=generator)
            rows = torch.where(chosen < self._episodes.in_order_of_time, in_time[positions], rows)
        items, ratings = self._items[rows] * mask, self._values[rows] * mask
        times = None if self._times is None else self._times[rows] * mask
        query_mask = mask[:, width:]
        embedded, slots = self._slots(items)
        return EpisodeTensors(
            users=users,
            items=embedded,
            support_slots=slots[:, :width],
            support_ratings=ratings[:, :width],
            support_mask=mask[:, :width],
            query_slots=slots[:, width:],
            query_ratings=ratings[:, width:],
            query_mask=query_mask,
            support_sizes=host_sizes,
            parts=parts_of(host_sizes, min_saved_rows=_MIN_SAVED_ROWS),
            support_times=None if times is None else times[:, :width],
            now=None if times is None else _earliest(times[:, width:], query_mask),
        )

    def _slots(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Which items are embedded, and the slot of each item of a batch.

        All items of the data set are embedded if they are fewer than the slots, and else each slot's. Finding the
        distinct items would make the host wait for their number.
        """
        if self._item_count <= items.numel():
            return self._all_items, items
        return items.flatten(), torch.arange(items.numel(), device=self._device).view_as(items)

    def _copied(self, array: NDArray[np.generic]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
        return tensor.long() if tensor.dtype is torch.int32 else tensor


def _earliest(times: Tensor, mask: Tensor) -> Tensor:
    """The earliest known time of each row, as in `EpisodeBatch.now`; int64 [B]."""
    latest_possible = torch.iinfo(torch.int64).max
    earliest = times.masked_fill((times == UNKNOWN_TIME) | ~mask, latest_possible).amin(dim=1)
    return earliest.masked_fill(earliest == latest_possible, UNKNOWN_TIME)
