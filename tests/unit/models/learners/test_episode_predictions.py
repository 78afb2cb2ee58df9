import copy

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.base import Support
from models.learners.episode_predictions import EncodedData, FieldDropout, embed_episodes, predict_episodes
from models.learners.melu import MeLUItems
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
    def test_predictions_of_episodes_equal_adapting_and_predicting_by_hand(
        self, model: TrainedModel, data: EncodedData, steps: int | None
    ) -> None:
        learner = model.learner
        users = learner.embed_users(data.users.take(torch.tensor([4])))
        items = learner.embed_items(data.items)
        support = Support(
            users,
            items.take(torch.tensor([[3, 8, 3]])),
            torch.tensor([[5.0, 1.0, 4.0]]),
            torch.ones(1, 3, dtype=torch.bool),
        )
        query = items.take(torch.tensor([[8, 21]]))
        expected = learner.predict(learner.adapt(support, steps=steps), users, query)
        actual = predict_episodes(learner, data, BATCH, steps=steps)
        for name in ("score", "mean", "median"):
            torch.testing.assert_close(getattr(actual, name)[:1], getattr(expected, name))

    def test_items_of_a_batch_are_embedded_once(
        self, model: TrainedModel, data: EncodedData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embedded: list[int] = []
        embed = model.learner.embed_items

        def count(rows: EncodedRows, *, out_of_fold: OutOfFold | None) -> MeLUItems:
            embedded.append(len(rows))
            return embed(rows, out_of_fold=out_of_fold)

        monkeypatch.setattr(model.learner, "embed_items", count)
        predict_episodes(model.learner, data, BATCH)
        # Items 3, 8, 20 and 21, and item 0 as padding.
        assert embedded == [5]


class TestQueryLosses:
    def test_query_losses_of_a_batch_are_each_users_mean_squared_error(
        self, model: TrainedModel, data: EncodedData
    ) -> None:
        scores = predict_episodes(model.learner, data, BATCH).score
        expected = [((scores[0] - torch.tensor([1.0, 5.0])) ** 2).mean(), (scores[1, 0] - 5.0) ** 2]
        actual = embed_episodes(model.learner, data, BATCH).query_losses()
        torch.testing.assert_close(actual, torch.stack(expected))


class TestSupportLosses:
    BATCH = EpisodeBatch.of([EPISODE, tiny_episode(user=7, support=[], query=[(3, 5.0)])])

    @pytest.mark.parametrize("steps", [None, 0, 4])
    def test_support_losses_of_a_batch_are_each_users_mean_squared_error(
        self, model: TrainedModel, data: EncodedData, steps: int | None
    ) -> None:
        # The same support set, and as query what the user rated in it.
        episode = tiny_episode(user=4, support=[(3, 5.0), (8, 1.0), (3, 4.0)], query=[(3, 5.0), (8, 1.0), (3, 4.0)])
        scores = predict_episodes(model.learner, data, EpisodeBatch.of([episode]), steps=steps).score[0]
        expected = (scores - torch.tensor([5.0, 1.0, 4.0])).square().mean()
        actual = embed_episodes(model.learner, data, self.BATCH).support_losses(steps=steps)
        torch.testing.assert_close(actual, torch.stack([expected, torch.tensor(0.0)]))

    def test_support_losses_after_adaptation_are_less_than_before(self, model: TrainedModel, data: EncodedData) -> None:
        episodes = embed_episodes(model.learner, data, self.BATCH)
        assert episodes.support_losses(steps=5)[0] < 0.7 * episodes.support_losses(steps=0)[0]


class TestAllRatings:
    def test_support_of_all_ratings_is_support_and_query_set_together(
        self, model: TrainedModel, data: EncodedData
    ) -> None:
        episodes = embed_episodes(model.learner, data, BATCH)
        support = episodes.all_ratings()
        rated = [support.ratings[row][support.mask[row]].tolist() for row in range(2)]
        assert rated == [[5.0, 1.0, 4.0, 1.0, 5.0], [2.0, 5.0]]
        items = model.learner.embed_items(data.items)
        for row, rows in enumerate(([3, 8, 3, 8, 21], [20, 3])):
            torch.testing.assert_close(support.items.inputs[row][support.mask[row]], items.inputs[rows])


class TestFieldDropout:
    def test_scores_with_all_fields_dropped_are_the_same_for_all_items(
        self, model: TrainedModel, data: EncodedData
    ) -> None:
        predictions = embed_episodes(model.learner, data, BATCH, dropout=dropout(model, 1.0)).adapt().predictions()
        assert predictions.score[0, 0] == predictions.score[0, 1]

    def test_losses_without_dropped_fields_stay_the_same(self, model: TrainedModel, data: EncodedData) -> None:
        expected, without_dropped, all_dropped = (
            embed_episodes(model.learner, data, BATCH, dropout=field_dropout).query_losses()
            for field_dropout in (None, dropout(model, 0.0), dropout(model, 1.0))
        )
        assert torch.equal(without_dropped, expected)
        assert not torch.equal(all_dropped, expected)


class TestEncodedData:
    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [(np.int32, torch.int64), (np.float32, torch.float32), (np.bool_, torch.bool), (np.int64, torch.int64)],
    )
    def test_tensor_of_array_has_a_dtype_that_can_index(
        self, data: EncodedData, dtype: type[np.generic], expected: torch.dtype
    ) -> None:
        tensor = data.tensor(np.array([1, 0], dtype=dtype))
        assert tensor.dtype is expected
        assert tensor.tolist() == [1, 0]


class TestParts:
    def test_losses_and_gradients_in_parts_equal_those_of_the_whole_batch(
        self, model: TrainedModel, data: EncodedData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        episodes = [
            tiny_episode(user=user, support=[(item, 4.0) for item in range(size)], query=[(39, 2.0), (5, 3.0)])
            for user, size in enumerate([0, 1, 1, 2, 30, 30])
        ]
        batch = EpisodeBatch.of(episodes)
        learner = copy.deepcopy(model.learner).requires_grad_()

        def losses_and_gradients() -> tuple[torch.Tensor, list[torch.Tensor]]:
            losses = embed_episodes(learner, data, batch).query_losses()
            return losses, list(torch.autograd.grad(losses.mean(), list(learner.parameters()), materialize_grads=True))

        whole, expected = losses_and_gradients()
        monkeypatch.setattr("models.data.episodes._MIN_SAVED_ROWS", 1)
        assert len(batch.parts()) > 2
        in_parts, actual = losses_and_gradients()
        torch.testing.assert_close(in_parts, whole)
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
