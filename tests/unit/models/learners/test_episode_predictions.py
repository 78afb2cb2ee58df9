import copy

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.inputs.encoder import EncodedRows
from models.learners.base import Support
from models.learners.episode_predictions import (
    EncodedData,
    FieldDropout,
    adapt_to_episodes,
    predict_episodes,
    query_losses,
)
from tests.unit.models.tiny_data import tiny_episode

EPISODE = tiny_episode(user=4, support=[(3, 5.0), (8, 1.0), (3, 4.0)], query=[(8, 1.0), (21, 5.0)])
BATCH = EpisodeBatch.of([EPISODE, tiny_episode(user=7, support=[(20, 2.0)], query=[(3, 5.0)])])


@pytest.fixture
def data(model: TrainedModel, two_tastes: Dataset) -> EncodedData:
    return EncodedData(
        users=model.manifest.user_encoder.encode(two_tastes.users.table),
        items=model.manifest.item_encoder.encode(two_tastes.items.table),
        device=torch.device("cpu"),
    )


def dropout(model: TrainedModel, probability: float) -> FieldDropout:
    manifest = model.manifest
    return FieldDropout(
        manifest.user_encoder,
        manifest.item_encoder,
        probability,
        keep_item_ids=False,
        generator=torch.Generator().manual_seed(0),
    )


class TestPredictEpisodes:
    @pytest.mark.parametrize("steps", [None, 0, 4])
    def test_adapts_to_the_support_and_predicts_the_query(
        self, model: TrainedModel, data: EncodedData, steps: int | None
    ) -> None:
        learner = model.learner
        users = learner.embed_users(data.users.take(torch.tensor([4])))
        items = learner.embed_items(data.items)
        support = Support(
            users, items[[3, 8, 3]].unsqueeze(0), torch.tensor([[5.0, 1.0, 4.0]]), torch.ones(1, 3, dtype=torch.bool)
        )
        expected = learner.predict(learner.adapt(support, steps=steps), users, items[[8, 21]].unsqueeze(0))
        actual = predict_episodes(learner, data, BATCH, steps=steps)
        for name in ("score", "mean", "median"):
            torch.testing.assert_close(getattr(actual, name)[:1], getattr(expected, name))

    def test_every_user_and_item_is_embedded_once(
        self, model: TrainedModel, data: EncodedData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embedded: list[int] = []
        embed = model.learner.embed_items

        def count(rows: EncodedRows, **options: torch.Generator | None) -> torch.Tensor:
            embedded.append(len(rows))
            return embed(rows, **options)

        monkeypatch.setattr(model.learner, "embed_items", count)
        predict_episodes(model.learner, data, BATCH)
        # Items 3, 8, 20 and 21, and item 0 as padding.
        assert embedded == [5]


class TestQueryLosses:
    def test_are_each_users_mean_squared_error(self, model: TrainedModel, data: EncodedData) -> None:
        scores = predict_episodes(model.learner, data, BATCH).score
        expected = [((scores[0] - torch.tensor([1.0, 5.0])) ** 2).mean(), (scores[1, 0] - 5.0) ** 2]
        torch.testing.assert_close(query_losses(model.learner, data, BATCH), torch.stack(expected))


class TestFieldDropout:
    def test_all_dropped_makes_all_users_and_items_alike(self, model: TrainedModel, data: EncodedData) -> None:
        episodes = adapt_to_episodes(model.learner, data, BATCH, dropout=dropout(model, 1.0))
        predictions = model.learner.predict(episodes.adapted, episodes.users, episodes.query_items)
        assert predictions.score[0, 0] == predictions.score[0, 1]

    def test_none_dropped_changes_nothing(self, model: TrainedModel, data: EncodedData) -> None:
        expected = query_losses(model.learner, data, BATCH)
        assert torch.equal(query_losses(model.learner, data, BATCH, dropout=dropout(model, 0.0)), expected)
        assert not torch.equal(query_losses(model.learner, data, BATCH, dropout=dropout(model, 1.0)), expected)


class TestEncodedData:
    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [(np.int32, torch.int64), (np.float32, torch.float32), (np.bool_, torch.bool), (np.int64, torch.int64)],
    )
    def test_arrays_become_tensors_that_can_index(
        self, data: EncodedData, dtype: type[np.generic], expected: torch.dtype
    ) -> None:
        tensor = data.tensor(np.array([1, 0], dtype=dtype))
        assert tensor.dtype is expected
        assert tensor.tolist() == [1, 0]


class TestParts:
    def test_losses_and_gradients_are_those_of_the_whole_batch(
        self, model: TrainedModel, data: EncodedData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        episodes = [
            tiny_episode(user=user, support=[(item, 4.0) for item in range(size)], query=[(39, 2.0), (5, 3.0)])
            for user, size in enumerate([0, 1, 1, 2, 30, 30])
        ]
        batch = EpisodeBatch.of(episodes)
        learner = copy.deepcopy(model.learner).requires_grad_()

        def losses_and_gradients() -> tuple[torch.Tensor, list[torch.Tensor]]:
            losses = query_losses(learner, data, batch)
            return losses, list(torch.autograd.grad(losses.mean(), list(learner.parameters()), materialize_grads=True))

        whole, expected = losses_and_gradients()
        monkeypatch.setattr("models.data.episodes._WORTH_A_PART", 1)
        assert len(batch.parts()) > 2
        in_parts, actual = losses_and_gradients()
        torch.testing.assert_close(in_parts, whole)
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
