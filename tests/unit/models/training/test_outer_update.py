"""Outer updates other than the gradient of the mean query loss: a learner's and an objective's."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.dataset import Dataset, State
from models.data.episodes import batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.inputs.rows import TensorRows
from models.learners.base import AnyLearner, Learner, LearnerConfig, LearnerParts, Objective, OuterBatch, Support
from models.learners.episode_predictions import EncodedData, embed_episodes
from models.learners.heads.base import Predictions
from models.learners.melu import MeLUConfig
from models.training.objectives import QueryLossConfig
from models.training.preset import Preset, TrainingConfig
from models.training.trainer import Trainer, TrainingData

TRAINING = TrainingConfig(epochs=4, patience=4, batch_users=8, learning_rate=0.3, max_query=10)


@dataclass(frozen=True)
class Nothing(TensorRows):
    """Users or items of which the learner uses no attributes."""

    zeros: Tensor


class UserMean(Learner[Nothing, Nothing, Tensor]):
    """Predicts one rating for all items: the global level, moved halfway to the user's mean support rating.

    As in Reptile (Nichol et al. 2018, eq. 1), the outer update moves the level to the mean of the adapted levels. No
    loss has a gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.0))

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        pass

    def embed_users(self, rows: EncodedRows) -> Nothing:
        return Nothing(torch.zeros(len(rows)))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> Nothing:  # noqa: ARG002
        return Nothing(torch.zeros(len(rows)))

    def adapt(self, support: Support[Nothing, Nothing], *, steps: int | None = None) -> Tensor:
        residuals = (support.ratings - self.level) * support.mask
        mean = residuals.sum(dim=1) / support.mask.sum(dim=1).clamp(min=1)
        return self.level + (0.0 if steps == 0 else 0.5) * mean

    def predict(self, adapted: Tensor, users: Nothing, items: Nothing) -> Predictions:  # noqa: ARG002
        levels = adapted.unsqueeze(1) + items.zeros
        return Predictions(score=levels, mean=levels, median=levels, distribution=None)

    def loss(self, adapted: Tensor, users: Nothing, items: Nothing, ratings: Tensor) -> Tensor:
        return (self.predict(adapted, users, items).mean - ratings).square().detach()

    def outer_update(self, batch: OuterBatch, objective: Objective) -> Tensor:
        self.level.grad = (self.level - batch.adapt().adapted.mean()).detach()
        return objective(batch).detach()


class UserMeanConfig(LearnerConfig):
    def build(self, parts: LearnerParts) -> UserMean:  # noqa: ARG002 - the interface
        return UserMean()


class EqualLosses(QueryLossConfig):
    """The mean query loss plus the spread of the losses before adaptation (TAML, Jamal & Qi, CVPR 2019)."""

    weight: float = 10.0

    def loss(self, batch: OuterBatch) -> Tensor:
        return super().loss(batch) + self.weight * batch.support_losses(steps=0).var(correction=0)


@pytest.fixture(scope="module")
def data(two_tastes: Dataset) -> TrainingData:
    split = Split.of(two_tastes, SplitConfig(validation_users=0.2))
    users = FeatureEncoder.fit(two_tastes.schema.users.fields, two_tastes.users.table)
    items = FeatureEncoder.fit(two_tastes.schema.items.fields, two_tastes.items.table)
    episodes = evaluation_episodes(two_tastes, split, State.WARM, users=split.validation_users)
    return TrainingData(
        encoded=EncodedData(
            users.encode(two_tastes.users.table), items.encode(two_tastes.items.table), torch.device("cpu")
        ),
        episodes=TrainingEpisodes(two_tastes, split.training, max_support=80, max_query=10),
        validation=[batch for _, batch in batches(episodes, 64)],
        user_encoder=users,
        item_encoder=items,
        scale=two_tastes.schema.rating_scale,
    )


class TestLearnersOuterUpdate:
    PRESET = Preset(name="reptile", learner=MeLUConfig(), training=TRAINING)

    def test_outer_update_of_a_batch_leaves_the_learners_gradient(self, data: TrainingData) -> None:
        learner, [batch, *_] = UserMean(), data.validation
        loss = learner.outer_update(embed_episodes(learner, data.encoded, batch), QueryLossConfig().loss)
        sums = (batch.support_ratings * batch.support_mask).sum(axis=1)
        adapted = 0.5 * sums / batch.support_mask.sum(axis=1)
        assert learner.level.grad is not None
        assert learner.level.grad.item() == pytest.approx(-adapted.mean(), rel=1e-5)
        errors = np.square(adapted[:, None] - batch.query_ratings) * batch.query_mask
        assert loss.item() == pytest.approx((errors.sum(axis=1) / batch.query_mask.sum(axis=1)).mean(), rel=1e-5)
        assert not loss.requires_grad

    def test_training_with_an_outer_update_without_query_gradient_finds_its_optimum(self, data: TrainingData) -> None:
        learner = UserMean()
        history = Trainer(learner, data, self.PRESET).fit()
        # The level stays where it is the mean of the adapted levels: at the mean rating, which is 3.
        assert learner.level.item() == pytest.approx(3.0, abs=0.3)
        assert history[-1].validation.loss < history[0].validation.loss


class TestObjective:
    PRESET = Preset(
        name="melu",
        inputs=InputConfig(embedding_dim=8, embedding_scale=1.0),
        learner=MeLUConfig(hidden=(16,), steps=2, rate=0.05, prior_ratings=1.0),
        training=TRAINING.model_copy(update={"learning_rate": 1e-2}),
    )

    def trained(self, data: TrainingData, two_tastes: Dataset, objective: QueryLossConfig) -> AnyLearner:
        torch.manual_seed(0)
        learner = self.PRESET.build_learner(
            user_encoder=data.user_encoder,
            item_encoder=data.item_encoder,
            scale=two_tastes.schema.rating_scale,
            mean_rating=3.0,
        )
        Trainer(learner, data, self.PRESET.model_copy(update={"objective": objective})).fit()
        return learner

    def test_training_with_losses_before_adaptation_in_the_objective_makes_them_more_equal(
        self, data: TrainingData, two_tastes: Dataset
    ) -> None:
        def spread(learner: AnyLearner) -> float:
            with torch.no_grad():
                losses = [
                    embed_episodes(learner, data.encoded, batch).support_losses(steps=0) for batch in data.validation
                ]
            return torch.cat(losses).var().item()

        alone, with_equal_losses = (
            spread(self.trained(data, two_tastes, objective)) for objective in (QueryLossConfig(), EqualLosses())
        )
        assert with_equal_losses < 0.7 * alone
