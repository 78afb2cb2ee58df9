"""Prototypical networks, compared with NumPy user by user, and on data whose answer is known."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.learners.backbone import UserVectors, prior_ratings
from models.learners.base import Support
from models.learners.prototypical import Prototypical, PrototypicalConfig, PrototypicalItems
from tests.unit.models.learners.two_kinds import FIRST, SECOND, predicted, trained, untrained

CONFIG = PrototypicalConfig(hidden=(8,), dim=4)
SIZES, QUERY = [3, 0, 1, 6], 5


@pytest.fixture(scope="module")
def learner() -> Prototypical:
    learner = untrained(CONFIG)
    assert isinstance(learner, Prototypical)
    return learner


def random_support() -> tuple[Support[UserVectors, PrototypicalItems], PrototypicalItems]:
    """Support sets and query items as embedded, with random numbers also where there is padding."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def items(slots: int) -> PrototypicalItems:
        shape = len(SIZES), slots
        return PrototypicalItems(3 + random(*shape), random(*shape).exp(), random(*shape, 8), random(*shape, 4))

    users = UserVectors(random(len(SIZES), 8), 0.1 * random(len(SIZES), 9))
    ratings = torch.randint(1, 6, (len(SIZES), max(SIZES)), generator=generator).float()
    mask = torch.arange(max(SIZES)) < torch.tensor(SIZES).unsqueeze(1)
    return Support(users, items(max(SIZES)), ratings, mask), items(QUERY)


class OneUser:
    """The numbers of one user, without padding."""

    def __init__(self, learner: Prototypical, support: Support[UserVectors, PrototypicalItems], user: int) -> None:
        mask = support.mask[user]
        self.levels = np.linspace(-2, 2, CONFIG.levels)
        self.residuals = (support.ratings - prior_ratings(support.users, support.items))[user, mask].numpy()
        self.vectors = support.items.vector[user, mask].numpy()
        self.learned = learner.prototypes.numpy()
        self.expected_shares = F.softmax(learner.expected_shares(support.users.hidden[user]), dim=-1).numpy()

    def expectation(self, vector: np.ndarray, kept: np.ndarray | None = None) -> float:
        """The expected residual of an item with this vector, with all ratings or with some."""
        rows = np.arange(len(self.residuals)) if kept is None else kept
        logits = []
        for level in range(CONFIG.levels):
            # np.interp gives 1 at the level, 0 at its neighbours, and a line between.
            at_level = np.interp(self.residuals[rows], self.levels, np.eye(CONFIG.levels)[level])
            count = at_level.sum()
            total = CONFIG.prototype_ratings * self.learned[level] + at_level @ self.vectors[rows]
            prototype = total / (CONFIG.prototype_ratings + count)
            share = count + CONFIG.share_ratings * self.expected_shares[level]
            logits.append(np.log(share / (len(rows) + CONFIG.share_ratings)) - ((vector - prototype) ** 2).sum())
        probabilities = np.exp(np.array(logits) - max(logits))
        return float(probabilities @ self.levels / probabilities.sum())


@torch.no_grad()
@pytest.mark.parametrize("user", range(len(SIZES)))
def test_predictions_of_each_user_equal_the_formula(learner: Prototypical, user: int) -> None:
    support, query = random_support()
    predictions = learner.predict(learner.adapt(support), support.users, query).score[user]
    one, prior = OneUser(learner, support, user), prior_ratings(support.users, query)[user]
    expected = [float(prior[item]) + one.expectation(query.vector[user, item].numpy()) for item in range(QUERY)]
    np.testing.assert_allclose(predictions, expected, rtol=1e-4)


@torch.no_grad()
def test_leave_one_out_residuals_equal_those_without_each_rating(learner: Prototypical) -> None:
    support, _ = random_support()
    user = SIZES.index(6)
    one, summary = OneUser(learner, support, user), learner.adapt(support).summary
    rows = np.arange(SIZES[user])
    expected = [one.residuals[row] - one.expectation(one.vectors[row], rows[rows != row]) for row in rows]
    np.testing.assert_allclose(summary.leave_one_out[user], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(summary.residuals[user], one.residuals, rtol=1e-4)


@torch.no_grad()
def test_residual_counts_for_its_two_nearest_levels_and_far_residuals_for_the_last_one(learner: Prototypical) -> None:
    at_levels = learner._at_levels(torch.tensor([[-2.0, 0.25, 1.0, 3.5]]))
    expected = [[[1, 0, 0, 0, 0], [0, 0, 0.75, 0.25, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]]
    torch.testing.assert_close(at_levels, torch.tensor(expected))


@torch.no_grad()
def test_prototypes_of_many_ratings_are_the_means_of_their_items(learner: Prototypical) -> None:
    support, _ = random_support()
    user = SIZES.index(6)
    many = 500
    repeated = Support(
        support.users[user : user + 1],
        support.items[user].take(torch.zeros(1, many, dtype=torch.int64)),
        torch.full((1, many), 30.0),
        torch.ones(1, many, dtype=torch.bool),
    )
    prototypes = learner.adapt(repeated)
    highest = prototypes.totals[0, -1] / prototypes.weights[0, -1]
    torch.testing.assert_close(highest, repeated.items.vector[0, 0], rtol=0.02, atol=0.02)
    lowest = prototypes.totals[0, 0] / prototypes.weights[0, 0]
    torch.testing.assert_close(lowest, learner.prototypes[0])


def test_one_rating_tells_which_of_two_kinds_a_user_likes() -> None:
    learner = trained(CONFIG, updates=100)
    for rated, liked in (((FIRST, 5.0), 0), ((SECOND, 1.0), 0), ((SECOND, 5.0), 1), ((FIRST, 1.0), 1)):
        values = predicted(learner, [rated])
        assert values[liked] - values[1 - liked] > 2.0
    both = predicted(learner, [(FIRST, 5.0), (SECOND, 1.0)])
    torch.testing.assert_close(both, torch.tensor([5.0, 1.0]), rtol=0, atol=0.7)


def test_attributes_tell_which_kind_a_user_without_ratings_likes() -> None:
    learner = trained(CONFIG, updates=60, attributes_tell=True)
    for country, expected in ((FIRST, [5.0, 1.0]), (SECOND, [1.0, 5.0])):
        torch.testing.assert_close(predicted(learner, [], country=country), torch.tensor(expected), rtol=0, atol=0.7)
