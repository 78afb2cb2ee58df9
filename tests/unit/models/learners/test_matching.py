"""Matching networks, compared with NumPy user by user, and on data whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from models.learners.backbone import UserVectors
from models.learners.base import Support
from models.learners.matching import Matching, MatchingConfig, MatchingItems
from tests.unit.models.learners.two_kinds import FIRST, SECOND, predicted, trained, untrained

CONFIG = MatchingConfig(hidden=(8,), key=4, prior_ratings=2.0)
SIZES, QUERY = [3, 0, 1, 6], 5


@pytest.fixture(scope="module")
def learner() -> Matching:
    learner = untrained(CONFIG)
    assert isinstance(learner, Matching)
    return learner


def random_support() -> tuple[Support[UserVectors, MatchingItems], MatchingItems]:
    """Support sets and query items as embedded, with random numbers also where there is padding."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def items(slots: int) -> MatchingItems:
        shape = len(SIZES), slots
        return MatchingItems(random(*shape), random(*shape).exp(), random(*shape, 8), random(*shape, 4))

    users = UserVectors(random(len(SIZES), 8), random(len(SIZES), 9))
    ratings = torch.randint(1, 6, (len(SIZES), max(SIZES)), generator=generator).float()
    mask = torch.arange(max(SIZES)) < torch.tensor(SIZES).unsqueeze(1)
    return Support(users, items(max(SIZES)), ratings, mask), items(QUERY)


@torch.no_grad()
@pytest.mark.parametrize("user", range(len(SIZES)))
def test_predictions_of_each_user_equal_the_formula(learner: Matching, user: int) -> None:
    support, query = random_support()
    predictions = learner.predict(learner.adapt(support), support.users, query).score[user]
    size, weights = SIZES[user], support.users.weights[user].numpy()

    def prior(items: MatchingItems) -> np.ndarray:
        return np.asarray(items.level[user].numpy() + weights[0] + items.hidden[user].numpy() @ weights[1:])

    residuals = (support.ratings[user].numpy() - prior(support.items))[:size]
    offset = residuals.sum() / (size + 2.0)
    keys = support.items.key[user, :size].numpy()
    for item in range(QUERY):
        similarities = np.exp([*(keys @ query.key[user, item].numpy()), learner.null_logit.item()])
        values = np.array([*residuals, offset])
        expected = prior(query)[item] + (similarities * values).sum() / similarities.sum()
        assert predictions[item] == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_leave_one_out_residuals_equal_those_without_each_rating(learner: Matching) -> None:
    support, _ = random_support()
    user, size = SIZES.index(6), 6
    memory = learner.adapt(support)
    for row in range(size):
        others = support.mask.clone()
        others[:, row] = False
        without = learner.adapt(replace(support, mask=others))
        predictions = learner.predict(without, support.users, support.items).score
        expected = support.ratings[user, row] - predictions[user, row]
        torch.testing.assert_close(memory.summary.leave_one_out[user, row], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_latent_variance_falls_with_similar_support() -> None:
    learner = untrained(CONFIG)
    support, query = random_support()
    same = replace(query, key=support.items.key[:, :1].expand(-1, QUERY, -1))
    near = learner._latent(learner.adapt(support), support.users, same).variance
    far = learner._latent(learner.adapt(support, steps=0), support.users, same).variance
    user = SIZES.index(1)
    assert (near[user] < far[user]).all()


def test_one_rating_tells_which_of_two_kinds_a_user_likes() -> None:
    learner = trained(CONFIG, updates=120)
    for rated, liked in (((FIRST, 5.0), 0), ((SECOND, 1.0), 0), ((SECOND, 5.0), 1), ((FIRST, 1.0), 1)):
        values = predicted(learner, [rated])
        # Weights are positive, so a rating of one kind says little about the other.
        assert values[liked] - values[1 - liked] > 1.0
    both = predicted(learner, [(FIRST, 5.0), (SECOND, 1.0)])
    torch.testing.assert_close(both, torch.tensor([5.0, 1.0]), rtol=0, atol=0.8)


def test_attributes_tell_which_kind_a_user_without_ratings_likes() -> None:
    learner = trained(CONFIG, updates=60, attributes_tell=True)
    for country, expected in ((FIRST, [5.0, 1.0]), (SECOND, [1.0, 5.0])):
        torch.testing.assert_close(predicted(learner, [], country=country), torch.tensor(expected), rtol=0, atol=0.7)
