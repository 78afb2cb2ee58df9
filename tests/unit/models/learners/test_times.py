"""The times of ratings, from episodes to the learner; recorded where the learner adapts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.training_episodes import TrainingEpisodes
from models.learners.base import Support
from models.learners.episode_predictions import EncodedData, embed_episodes, predict_episodes
from tests.unit.models.tiny_data import time_of, tiny_episode, with_times


@pytest.fixture
def data(model: TrainedModel, two_tastes: Dataset) -> EncodedData:
    return EncodedData(
        users=model.manifest.user_encoder.encode(two_tastes.users.table),
        items=model.manifest.item_encoder.encode(two_tastes.items.table),
        device=torch.device("cpu"),
    )


@pytest.fixture
def supports(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> list[Support]:
    """Every support set that the learner is given."""
    seen: list[Support] = []
    adapt = model.learner.adapt

    def record(support: Support, **options: int | None) -> object:
        seen.append(support)
        return adapt(support, **options)

    monkeypatch.setattr(model.learner, "adapt", record)
    return seen


def test_support_in_training_has_the_time_of_each_rating(
    model: TrainedModel, data: EncodedData, two_tastes: Dataset, supports: list[Support]
) -> None:
    dataset = with_times(two_tastes)
    everything = np.ones(len(dataset.ratings), dtype=np.bool_)
    episodes = TrainingEpisodes(dataset, everything, max_support=80, max_query=10)
    batch = next(iter(episodes.epoch(np.random.default_rng(0), 8)))

    embed_episodes(model.learner, data, batch).query_losses()

    [support] = supports
    assert support.times.dtype is torch.int64
    expected = np.where(batch.support_mask, time_of(batch.users[:, None], batch.support_items), 0)
    np.testing.assert_array_equal(support.times.numpy(), expected)
    earliest = [times[mask].min() for times, mask in zip(batch.query_times, batch.query_mask, strict=True)]
    assert support.now.tolist() == earliest


def test_support_of_a_part_of_a_batch_has_the_times_of_that_part(
    model: TrainedModel, data: EncodedData, supports: list[Support], monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes = [
        replace(
            tiny_episode(user=user, support=[(item, 4.0) for item in range(size)], query=[(39, 2.0)]),
            support_times=np.array([time_of(user, item) for item in range(size)], dtype=np.int64),
            query_times=np.array([time_of(user, 39)]),
        )
        for user, size in enumerate([1, 2, 30])
    ]
    monkeypatch.setattr("models.data.episodes._MIN_SAVED_ROWS", 1)

    embed_episodes(model.learner, data, EpisodeBatch.of(episodes)).query_losses()

    assert len(supports) > 1
    times = [
        times[mask].tolist() for support in supports for times, mask in zip(support.times, support.mask, strict=True)
    ]
    assert times == [episode.support_times.tolist() for episode in episodes]
    assert [now for support in supports for now in support.now.tolist()] == [time_of(user, 39) for user in range(3)]


def test_support_without_times_has_none(model: TrainedModel, data: EncodedData, supports: list[Support]) -> None:
    predict_episodes(model.learner, data, EpisodeBatch.of([tiny_episode(support=[(3, 5.0)], query=[(8, 1.0)])]))

    [support] = supports
    assert support.times is None
    assert support.now is None
