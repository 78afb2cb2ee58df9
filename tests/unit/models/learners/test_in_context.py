"""The in-context learner, compared with the exact posterior of Gaussian processes, of which it saw samples only."""

from dataclasses import dataclass, replace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.fields import ContinuousField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerParts, Support
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.in_context import InContext, InContextConfig
from tests.unit.models.learners.two_kinds import FIRST, SECOND, predicted, trained

CONFIG = InContextConfig(hidden=(32,), dim=32, heads=2, layers=1, feed_forward=32)
ENCODER = FeatureEncoder(fields=(ContinuousField(name="x", mean=0.0, deviation=1.0, minimum=-2.0, maximum=2.0),))
SCALE = RatingScale(minimum=-2, maximum=2)
NOISE, LARGEST, QUERY = 0.1, 8, 8


@dataclass(frozen=True)
class Tasks:
    """Functions drawn from a Gaussian process, each observed with noise at some places.

    Attributes:
        places: float32 [B, LARGEST + QUERY], first those of the support set.
        ratings: float32 [B, LARGEST + QUERY], mean 0 and variance 1 + NOISE.
        mask: bool [B, LARGEST], which of the first places are in the support set.
    """

    places: Tensor
    ratings: Tensor
    mask: Tensor

    @classmethod
    def draw(cls, count: int, generator: torch.Generator) -> "Tasks":
        places = 4 * torch.rand(count, LARGEST + QUERY, generator=generator) - 2
        covariance = kernel(places, places) + NOISE * torch.eye(LARGEST + QUERY)
        normal = torch.randn(count, LARGEST + QUERY, 1, generator=generator)
        sizes = torch.randint(LARGEST + 1, (count, 1), generator=generator)
        mask = torch.arange(LARGEST) < sizes
        return cls(places, (torch.linalg.cholesky(covariance) @ normal).squeeze(-1), mask)

    @property
    def truth(self) -> Tensor:
        return self.ratings[:, LARGEST:]

    def posterior_means(self) -> Tensor:
        """The exact posterior means of the query ratings (Rasmussen & Williams 2006, eq. 2.25)."""
        support, query = self.places[:, :LARGEST], self.places[:, LARGEST:]
        shown = self.mask.float()
        covariance = kernel(support, support) * shown.unsqueeze(1) * shown.unsqueeze(2) + NOISE * torch.eye(LARGEST)
        solved = torch.linalg.solve(covariance, (self.ratings[:, :LARGEST] * shown).unsqueeze(-1))
        return (kernel(query, support) * shown.unsqueeze(1) @ solved).squeeze(-1)

    def latent_means(self, learner: InContext) -> Tensor:
        """The learner's predictions, not clipped to the scale."""
        count = len(self.places)
        encoded = torch.stack([self.places.flatten(), torch.zeros(self.places.numel())], dim=1)
        rows = torch.arange(self.places.numel()).view(self.places.shape)
        users = learner.embed_users(EncodedRows({}, count))
        items = learner.embed_items(EncodedRows({"x": encoded}, len(encoded))).take(rows)
        adapted = learner.adapt(Support(users, items[:, :LARGEST], self.ratings[:, :LARGEST], self.mask))
        return learner.predict(adapted, users, items[:, LARGEST:]).score


def kernel(first: Tensor, second: Tensor) -> Tensor:
    return torch.exp(-0.5 * (first.unsqueeze(2) - second.unsqueeze(1)).square())


def untrained() -> InContext:
    torch.manual_seed(0)
    parts = LearnerParts(FeatureEncoder(fields=()), ENCODER, InputConfig(), SquaredErrorHead(SCALE), SCALE, 0.0)
    return InContext(parts, CONFIG)


@pytest.fixture(scope="module")
def learner() -> InContext:
    """Trained on a stream of tasks."""
    learner, generator = untrained(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
    for _ in range(150):
        tasks = Tasks.draw(64, generator)
        loss = (tasks.latent_means(learner) - tasks.truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return learner


@torch.no_grad()
def test_learner_closes_most_of_the_gap_between_the_prior_and_the_exact_posterior(learner: InContext) -> None:
    tasks = Tasks.draw(1000, torch.Generator().manual_seed(1))
    prior = tasks.truth.square().mean()
    exact, learned = (
        (means - tasks.truth).square().mean() for means in (tasks.posterior_means(), tasks.latent_means(learner))
    )
    assert exact < learned < exact + 0.25 * (prior - exact)


@torch.no_grad()
def test_order_of_the_support_set_does_not_count(learner: InContext) -> None:
    tasks = Tasks.draw(8, torch.Generator().manual_seed(2))
    order = torch.cat([torch.randperm(LARGEST), torch.arange(LARGEST, LARGEST + QUERY)])
    shuffled = Tasks(tasks.places[:, order], tasks.ratings[:, order], tasks.mask[:, order[:LARGEST]])
    torch.testing.assert_close(shuffled.latent_means(learner), tasks.latent_means(learner), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_padding_and_forgotten_support_sets_give_the_prior(learner: InContext) -> None:
    tasks = Tasks.draw(8, torch.Generator().manual_seed(3))
    padded = replace(tasks, mask=torch.zeros_like(tasks.mask))
    other = replace(padded, ratings=-padded.ratings)
    torch.testing.assert_close(padded.latent_means(learner), other.latent_means(learner))


@torch.no_grad()
def test_queries_do_not_see_each_other(learner: InContext) -> None:
    tasks = Tasks.draw(8, torch.Generator().manual_seed(4))
    places = tasks.places.clone()
    places[:, LARGEST + 1 :] = 0.0
    alone = replace(tasks, places=places).latent_means(learner)[:, 0]
    torch.testing.assert_close(alone, tasks.latent_means(learner)[:, 0], rtol=1e-4, atol=1e-5)


def test_one_rating_tells_which_of_two_kinds_a_user_likes() -> None:
    learner = trained(CONFIG, updates=60)
    for rated, expected in (((FIRST, 5.0), [5, 1]), ((SECOND, 1.0), [5, 1]), ((SECOND, 5.0), [1, 5])):
        torch.testing.assert_close(predicted(learner, [rated]), torch.tensor(expected).float(), rtol=0, atol=0.7)


def test_attributes_tell_which_kind_a_user_without_ratings_likes() -> None:
    learner = trained(CONFIG, updates=60, attributes_tell=True)
    for country, expected in ((FIRST, [5, 1]), (SECOND, [1, 5])):
        values = predicted(learner, [], country=country)
        torch.testing.assert_close(values, torch.tensor(expected).float(), rtol=0, atol=0.7)


def test_heads_that_do_not_divide_the_tokens_are_refused() -> None:
    with pytest.raises(ValidationError, match="heads does not divide dim"):
        InContextConfig(dim=30, heads=4)
