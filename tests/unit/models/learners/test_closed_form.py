"""The closed-form local update against NumPy and scikit-learn, user by user and without padding."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.linear_model import Ridge
from torch import Tensor
from torch.nn import functional as F

from models.fields import CategoricalField
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import Support
from models.learners.closed_form import ClosedFormLearner
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary
from models.learners.network import EmbeddingLayers, EstimatorConfig

FIELD = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b", "c")),))
CONFIG = EstimatorConfig(embedding_dim=3, embedding_scale=1.0)
HIDDEN = 4
FEATURES = HIDDEN + 1 + 3
SIZES, QUERY = [3, 0, 1, 12], 5
MEAN_RATING = 3.5

Array = NDArray[np.float64]


class LatentItself(Head):
    """Tells the latent mean and, in the median's place, the latent variance."""

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        pass

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:  # noqa: ARG002 - the interface
        return Predictions(score=latent.mean, mean=latent.mean, median=latent.variance, probabilities=None)

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:  # noqa: ARG002
        return (latent.mean - ratings).square() + latent.variance


@pytest.fixture(scope="module")
def learner() -> ClosedFormLearner:
    torch.manual_seed(0)
    learner = ClosedFormLearner(
        embed_users=EmbeddingLayers(FIELD, CONFIG),
        embed_items=EmbeddingLayers(FIELD, CONFIG),
        reception=None,
        head=LatentItself(),
        hidden=(6, HIDDEN),
        mean_rating=MEAN_RATING,
    )
    return learner.double()


def noise_of(learner: ClosedFormLearner) -> float:
    return float(np.log1p(np.exp(learner.noise.item())))


def random_support(sizes: list[int] = SIZES, *, slots: int | None = None, seed: int = 0) -> tuple[Support, Tensor]:
    """A support set and query items, all slots filled; as embedded, since the update cares for nothing before."""
    generator = torch.Generator().manual_seed(seed)
    slots = max(sizes) if slots is None else slots

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def vectors(slots: int) -> Tensor:
        """Base, own variance and features."""
        return torch.cat(
            [random(len(sizes), slots, 1), random(len(sizes), slots, 1).exp(), random(len(sizes), slots, FEATURES)],
            dim=-1,
        )

    users, items = random(len(sizes), FEATURES), vectors(slots)
    query = vectors(QUERY)
    ratings = torch.randint(1, 6, (len(sizes), slots), generator=generator).double()
    return Support(users, items, ratings, torch.arange(slots) < torch.tensor(sizes).unsqueeze(1)), query


class OneUser:
    """A user's own numbers, without padding."""

    def __init__(self, support: Support, query: Tensor, user: int) -> None:
        mask = support.mask[user]
        items = support.items[user, mask].numpy()
        self.prior = support.users[user].numpy()
        self.base, self.own_variances, self.features = items[:, 0], items[:, 1], items[:, 2:]
        self.ratings = support.ratings[user, mask].numpy()
        self.residuals = self.ratings - self.base - self.features @ self.prior
        self.query_base, self.query_features = query[user, :, 0].numpy(), query[user, :, 2:].numpy()
        self.query_variances = query[user, :, 1].numpy()

    def weights(self, noise: float, kept: NDArray[np.intp] | slice = slice(None)) -> Array:
        """By the normal equations, which are as wide as the features."""
        features, residuals = self.features[kept], self.residuals[kept]
        certainties = 1 / (noise + self.own_variances[kept])
        precision = features.T * certainties @ features + np.eye(FEATURES)
        return np.asarray(self.prior + np.linalg.solve(precision, features.T @ (certainties * residuals)))


@torch.no_grad()
def latent_of(learner: ClosedFormLearner, support: Support, query: Tensor, **options: int) -> tuple[Array, Array]:
    predictions = learner.predict(learner.adapt(support, **options), support.users, query)
    return predictions.mean.numpy(), predictions.median.numpy()


class TestAgainstReferences:
    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_formula(self, learner: ClosedFormLearner, user: int) -> None:
        support, query = random_support()
        own, noise = OneUser(support, query, user), noise_of(learner)
        means, variances = latent_of(learner, support, query)
        inverse = np.linalg.inv(own.features @ own.features.T + np.diag(noise + own.own_variances))
        weights = own.prior + own.features.T @ inverse @ own.residuals
        cross = own.query_features @ own.features.T
        explained = np.einsum("qs,st,qt->q", cross, inverse, cross)
        np.testing.assert_allclose(means[user], own.query_base + own.query_features @ weights, atol=1e-10)
        expected = (own.query_features**2).sum(axis=1) - explained + own.query_variances
        np.testing.assert_allclose(variances[user], expected, atol=1e-10)

    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_normal_equations(self, learner: ClosedFormLearner, user: int) -> None:
        support, query = random_support()
        own = OneUser(support, query, user)
        expected = own.weights(noise_of(learner))
        np.testing.assert_allclose(learner.adapt(support).weights[user].detach(), expected, atol=1e-10)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_ridge_regression(self, learner: ClosedFormLearner, user: int) -> None:
        support, query = random_support()
        own = OneUser(support, query, user)
        certainties = 1 / (noise_of(learner) + own.own_variances)
        ridge = Ridge(alpha=1.0, fit_intercept=False).fit(own.features, own.residuals, sample_weight=certainties)
        expected = own.query_base + own.query_features @ own.prior + ridge.predict(own.query_features)
        np.testing.assert_allclose(latent_of(learner, support, query)[0][user], expected, atol=1e-10)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_gaussian_process(self, learner: ClosedFormLearner, user: int) -> None:
        support, query = random_support()
        own = OneUser(support, query, user)
        noise = noise_of(learner) + own.own_variances
        process = GaussianProcessRegressor(DotProduct(sigma_0=1e-8), alpha=noise, optimizer=None)
        residuals, deviations = process.fit(own.features, own.residuals).predict(own.query_features, return_std=True)
        means, variances = latent_of(learner, support, query)
        np.testing.assert_allclose(means[user], own.query_base + own.query_features @ own.prior + residuals, atol=1e-10)
        np.testing.assert_allclose(variances[user], deviations**2 + own.query_variances, atol=1e-10)

    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_what_many_gradient_steps_come_to(self, learner: ClosedFormLearner, user: int) -> None:
        support, query = random_support()
        own, noise = OneUser(support, query, user), noise_of(learner)
        weights = own.prior + 1.0
        certainties = 1 / (noise + own.own_variances)
        rate = 1.0 / ((np.square(own.features).T * certainties).sum() + 1)
        for _ in range(5000):
            errors = own.base + own.features @ weights - own.ratings
            weights = weights - rate * (own.features.T @ (certainties * errors) + weights - own.prior)
        np.testing.assert_allclose(learner.adapt(support).weights[user].detach(), weights, atol=1e-8)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_left_out_residuals_are_those_of_refitting_without_each_rating(
        self, learner: ClosedFormLearner, user: int
    ) -> None:
        support, query = random_support()
        own, size = OneUser(support, query, user), SIZES[user]
        expected = [
            own.ratings[row]
            - own.base[row]
            - own.features[row] @ own.weights(noise_of(learner), np.arange(size) != row)
            for row in range(size)
        ]
        summary = learner.adapt(support).summary
        np.testing.assert_allclose(summary.left_out[user, :size].detach(), expected, atol=1e-10)
        np.testing.assert_allclose(summary.residuals[user, :size].detach(), own.residuals, atol=1e-10)

    def test_gradient_norms_are_those_of_the_last_layer(self, learner: ClosedFormLearner) -> None:
        support, query = random_support()
        posterior = learner.adapt(support)
        actual = learner.gradient_norms(posterior, support.users, query)
        for user in range(len(SIZES)):
            for row in range(QUERY):
                weights = posterior.weights.detach().requires_grad_()
                own = replace(posterior, weights=weights)
                prediction = learner.predict(own, support.users, query).mean[user, row]
                [gradient] = torch.autograd.grad(prediction, weights)
                torch.testing.assert_close(actual[user, row], gradient.norm())


class TestPrior:
    def test_remains_without_ratings_and_without_steps(self, learner: ClosedFormLearner) -> None:
        support, query = random_support()
        unadapted, variances = latent_of(learner, support, query, steps=0)
        for user in range(len(SIZES)):
            own = OneUser(support, query, user)
            np.testing.assert_allclose(unadapted[user], own.query_base + own.query_features @ own.prior, atol=1e-12)
            prior = np.square(own.query_features).sum(axis=1) + own.query_variances
            np.testing.assert_allclose(variances[user], prior, atol=1e-12)
        empty = SIZES.index(0)
        np.testing.assert_allclose(latent_of(learner, support, query)[0][empty], unadapted[empty], atol=1e-12)

    def test_remains_where_there_are_no_slots_at_all(self, learner: ClosedFormLearner) -> None:
        support, query = random_support([0, 0])
        assert support.items.shape[1] == 0
        own = OneUser(support, query, 1)
        expected = own.query_base + own.query_features @ own.prior
        np.testing.assert_allclose(latent_of(learner, support, query)[0][1], expected, atol=1e-12)

    def test_number_of_steps_does_not_matter_else(self, learner: ClosedFormLearner) -> None:
        support, query = random_support()
        expected = latent_of(learner, support, query)
        for steps in (1, 7):
            np.testing.assert_array_equal(latent_of(learner, support, query, steps=steps), expected)


class TestInvariances:
    @given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 1000))
    def test_neither_the_content_nor_the_amount_of_padding_matters(
        self, learner: ClosedFormLearner, sizes: list[int], extra: int, seed: int
    ) -> None:
        narrow, query = random_support(sizes, seed=seed)
        wide, _ = random_support(sizes, slots=max(sizes) + extra, seed=seed + 1)
        items, ratings = wide.items.abs() * 1e3, wide.ratings * 1e3
        items[wide.mask], ratings[wide.mask] = narrow.items[narrow.mask], narrow.ratings[narrow.mask]
        padded = Support(narrow.users, items, ratings, wide.mask)
        expected = latent_of(learner, narrow, query)
        np.testing.assert_allclose(latent_of(learner, padded, query), expected, rtol=1e-9, atol=1e-9)

    @given(st.permutations(range(max(SIZES))))
    def test_the_order_of_the_support_set_does_not_matter(self, learner: ClosedFormLearner, order: list[int]) -> None:
        support, query = random_support()
        shuffled = Support(support.users, support.items[:, order], support.ratings[:, order], support.mask[:, order])
        expected = latent_of(learner, support, query)
        np.testing.assert_allclose(latent_of(learner, shuffled, query), expected, rtol=1e-9, atol=1e-9)

    @given(st.integers(0, 1000))
    def test_more_support_never_makes_less_certain(self, learner: ClosedFormLearner, seed: int) -> None:
        support, query = random_support([9], seed=seed)
        variances = [
            latent_of(learner, replace(support, mask=torch.arange(9).unsqueeze(0) < size), query)[1]
            for size in range(10)
        ]
        assert (np.diff(variances, axis=0) <= 1e-10).all()
        assert np.min(variances) > 0

    def test_a_rating_repeated_without_end_is_what_is_predicted(self, learner: ClosedFormLearner) -> None:
        support, _ = random_support([1])
        many = Support(
            support.users,
            support.items.expand(1, 3000, -1),
            support.ratings.expand(1, 3000),
            torch.ones(1, 3000, dtype=torch.bool),
        )
        means, _ = latent_of(learner, many, support.items)
        np.testing.assert_allclose(means, support.ratings, atol=5e-3)


class TestItemVectors:
    ROWS = EncodedRows({"x": torch.tensor([0, 1, 2, 3])}, 4)

    def test_are_the_base_and_the_scaled_hidden_units_constant_and_inputs(self, learner: ClosedFormLearner) -> None:
        vectors = learner.embed_items(self.ROWS)
        inputs = learner.embed_item_fields(self.ROWS)
        hidden = inputs
        for layer in (learner.decision[0], learner.decision[2]):
            hidden = torch.relu(hidden @ layer.weight.T + layer.bias)
        assert vectors.shape == (4, 2 + FEATURES)
        # The offset starts at 0 for every item.
        torch.testing.assert_close(vectors[:, 0], torch.full((4,), MEAN_RATING, dtype=torch.float64))
        torch.testing.assert_close(vectors[:, 1], F.softplus(learner.item_variance).expand(4))
        torch.testing.assert_close(vectors[:, 2 : 2 + HIDDEN], hidden * F.softplus(learner.hidden_scales))
        torch.testing.assert_close(vectors[:, 2 + HIDDEN], F.softplus(learner.bias_scale).expand(4))
        torch.testing.assert_close(vectors[:, 3 + HIDDEN :], inputs * F.softplus(learner.input_scales))

    def test_which_items_are_rated_moves_the_prior_mean(self, learner: ClosedFormLearner) -> None:
        learner = copy.deepcopy(learner)
        torch.nn.init.normal_(learner.prior_of_rated[2].weight, generator=torch.Generator().manual_seed(0))
        support, query = random_support()
        means, _ = latent_of(learner, support, query)
        for user, size in enumerate(SIZES):
            own = OneUser(support, query, user)
            mean_features = torch.from_numpy(own.features.mean(axis=0) if size else np.zeros(FEATURES))
            own.prior = own.prior + size / (size + 3) * learner.prior_of_rated(mean_features).detach().numpy()
            own.residuals = own.ratings - own.base - own.features @ own.prior
            expected = own.query_base + own.query_features @ own.weights(noise_of(learner))
            np.testing.assert_allclose(means[user], expected, atol=1e-10)

    def test_prior_means_start_at_0(self, learner: ClosedFormLearner) -> None:
        assert not learner.embed_users(self.ROWS).any()

    def test_ranking_a_catalogue_is_a_search_for_the_greatest_inner_product(self, learner: ClosedFormLearner) -> None:
        support, _ = random_support()
        catalogue = torch.rand(50, 2 + FEATURES, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        weights = learner.adapt(support).weights.detach()
        users = torch.cat([torch.tensor([1.0, 0.0]).expand(len(weights), -1), weights], dim=1)
        actual, _ = latent_of(learner, support, catalogue.expand(len(SIZES), -1, -1))
        np.testing.assert_allclose(actual, users @ catalogue.T, atol=1e-10)

    def test_training_reaches_every_parameter(self, learner: ClosedFormLearner) -> None:
        items = learner.embed_items(self.ROWS)
        support = Support(
            users=learner.embed_users(self.ROWS),
            items=items[torch.tensor([[1, 2], [2, 3], [3, 0], [0, 1]])],
            ratings=torch.tensor([[5.0, 1.0], [4.0, 2.0], [1.0, 3.0], [2.0, 2.0]], dtype=torch.float64),
            mask=torch.tensor([[True, True], [True, False], [True, True], [False, False]]),
        )
        query = items[torch.tensor([[3, 0], [0, 1], [1, 2], [2, 3]])]
        loss = learner.loss(learner.adapt(support), support.users, query, torch.full((4, 2), 4.0))
        names, parameters = zip(*learner.named_parameters(), strict=True)
        gradients = torch.autograd.grad(loss.sum(), parameters, materialize_grads=True)
        # What reads the prior means from users and rated items starts at 0, so that nothing before it is reached at
        # first; and without collaborative inputs there are no content and no counts of ratings.
        idle = {name for name, gradient in zip(names, gradients, strict=True) if not gradient.any()}
        assert idle == {
            "embed_user_fields.layers.0.weight",
            "prior_mean.0.weight",
            "prior_mean.0.bias",
            "prior_of_rated.0.weight",
            "prior_of_rated.0.bias",
            "content_scale",
            "settling_count",
        }
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
