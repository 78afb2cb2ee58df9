import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.distribution import Distribution
from models.data.episodes import EpisodeBatch
from models.data.rating_scale import RatingScale
from models.learners.episode_predictions import EncodedData, embed_episodes
from models.learners.heads.base import Predictions
from models.train import train
from models.training.objectives.taml_entropy import TAMLEntropyConfig
from models.training.preset import Preset, PresetError
from tests.unit.models.tiny_data import tiny_episode


@dataclass(frozen=True)
class FixedBatch:
    """A batch whose losses and entropies are given."""

    losses: Tensor
    before: Tensor
    after: Tensor
    weights: Tensor

    def query_losses(self) -> Tensor:
        return self.losses

    def query_entropies(self, *, steps: int | None = None) -> Tensor:
        return self.after if steps is None else self.before


def test_taml_entropy_of_two_users_is_the_one_computed_by_hand() -> None:
    batch = FixedBatch(
        losses=torch.tensor([1.0, 3.0]),
        before=torch.tensor([1.5, 1.0]),
        after=torch.tensor([0.5, 0.8]),
        weights=torch.tensor([1.0, 3.0]),
    )
    expected = ((1.0 - 0.1 * 1.0) + 3 * (3.0 - 0.1 * 0.2)) / 4
    assert TAMLEntropyConfig(weight=0.1).loss(batch).item() == pytest.approx(expected)


class TestQueryEntropies:
    PROBABILITIES = torch.tensor([[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.25, 0.5], [0.1, 0.1, 0.8]]])

    def test_entropy_of_a_user_is_the_mean_over_the_query_ratings(
        self, model: TrainedModel, two_tastes: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        probabilities = self.PROBABILITIES.clone().requires_grad_()
        scale = RatingScale(minimum=1, maximum=3)
        distribution = Distribution(scale, torch.tensor([0.5, 1.5, 2.5, 3.5]), probabilities)
        values = torch.zeros(2, 2)
        monkeypatch.setattr(model.learner, "predict", lambda *_: Predictions(values, values, values, distribution))
        data = EncodedData(
            users=model.manifest.user_encoder.encode(two_tastes.users.table),
            items=model.manifest.item_encoder.encode(two_tastes.items.table),
            device=torch.device("cpu"),
        )
        batch = EpisodeBatch.of(
            [
                tiny_episode(user=4, support=[(3, 5.0)], query=[(8, 1.0), (21, 5.0)]),
                tiny_episode(user=7, support=[], query=[(3, 5.0)]),
            ]
        )
        entropies = embed_episodes(model.learner, data, batch).query_entropies(steps=0)
        assert entropies.tolist() == pytest.approx([math.log(2) / 2, 1.5 * math.log(2)])
        entropies.sum().backward()
        assert probabilities.grad.isfinite().all()


def test_taml_entropy_with_a_head_without_distribution_is_refused_before_training(
    two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path
) -> None:
    preset = tiny_preset.model_copy(update={"objective": TAMLEntropyConfig()})
    with pytest.raises(PresetError, match=r'objective: .* predicts a distribution over the ratings; use the head "ord'):
        train(two_tastes, preset, tmp_path / "model", data_path=None, research_only=True)
    assert not (tmp_path / "model.checkpoint" / "research-model").exists()
