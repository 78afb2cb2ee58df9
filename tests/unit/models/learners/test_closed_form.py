"""The closed-form learner, compared with NumPy and scikit-learn user by user and without padding."""

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

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerParts, Support
from models.learners.closed_form import ClosedForm, ClosedFormConfig
from models.learners.closed_form_rows import ClosedFormItems, ClosedFormUsers
from models.learners.heads.base import Draw, Head, Latent, Predictions, SupportSummary
from models.learners.warm_up import LaterRatings

FIELD = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b", "c")),))
HIDDEN = 4
FEATURES = HIDDEN + 1 + 3
SIZES, QUERY = [3, 0, 1, 12], 5
MEAN_RATING = 3.5

Array = NDArray[np.float64]


class LatentHead(Head):
    """Returns the latent mean as the mean, and the latent variance as the median."""

    def fit_statistics(self, ratings: NDArray[np.float32]) -> None:
        pass

    def predict(self, latent: Latent, support: SupportSummary) -> Predictions:  # noqa: ARG002 - the interface
        return Predictions(score=latent.mean, mean=latent.mean, median=latent.variance, distribution=None)

    def loss(self, latent: Latent, support: SupportSummary, ratings: Tensor) -> Tensor:  # noqa: ARG002
        return (latent.mean - ratings).square() + latent.variance


def learner_with(**changes: object) -> ClosedForm:
    torch.manual_seed(0)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    scale = RatingScale(minimum=1, maximum=5)
    parts = LearnerParts(FIELD, FIELD, inputs, LatentHead(), scale, MEAN_RATING)
    return ClosedForm(parts, ClosedFormConfig.model_validate({"hidden": (6, HIDDEN), **changes})).double()


@pytest.fixture(scope="module")
def learner() -> ClosedForm:
    return learner_with()


def noise_of(learner: ClosedForm) -> float:
    return float(np.log1p(np.exp(learner.noise.item())))


def random_support(
    sizes: list[int] = SIZES, *, slots: int | None = None, seed: int = 0
) -> tuple[Support[ClosedFormUsers, ClosedFormItems], ClosedFormItems]:
    """Support sets and query items as embedded, with random numbers also where there is padding."""
    generator = torch.Generator().manual_seed(seed)
    slots = max(sizes) if slots is None else slots

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def random_items(slots: int) -> ClosedFormItems:
        shape = len(sizes), slots
        return ClosedFormItems(level=random(*shape), variance=random(*shape).exp(), features=random(*shape, FEATURES))

    users, items = ClosedFormUsers(random(len(sizes), FEATURES)), random_items(slots)
    query = random_items(QUERY)
    ratings = torch.randint(1, 6, (len(sizes), slots), generator=generator).double()
    return Support(users, items, ratings, torch.arange(slots) < torch.tensor(sizes).unsqueeze(1)), query


class OneUser:
    """The numbers of one user, without padding."""

    def __init__(self, support: Support[ClosedFormUsers, ClosedFormItems], query: ClosedFormItems, user: int) -> None:
        mask = support.mask[user]
        self.prior = support.users.prior_mean[user].numpy()
        self.levels, self.variances, self.features = (values.numpy() for values in support.items[user][mask].tensors())
        self.ratings = support.ratings[user, mask].numpy()
        self.residuals = self.ratings - self.levels - self.features @ self.prior
        self.query_levels, self.query_variances, self.query_features = (
            values.numpy() for values in query[user].tensors()
        )

    def weights(self, noise: float, kept: NDArray[np.intp] | slice = slice(None)) -> Array:
        """The posterior means by the normal equations, which are as wide as the features."""
        features, residuals = self.features[kept], self.residuals[kept]
        certainties = 1 / (noise + self.variances[kept])
        precision = features.T * certainties @ features + np.eye(FEATURES)
        return np.asarray(self.prior + np.linalg.solve(precision, features.T @ (certainties * residuals)))


@torch.no_grad()
def latent_of(
    learner: ClosedForm,
    support: Support[ClosedFormUsers, ClosedFormItems],
    query: ClosedFormItems,
    *,
    steps: int | None = None,
) -> tuple[Array, Array]:
    """Latent means and variances of the query."""
    predictions = learner.predict(learner.adapt(support, steps=steps), support.users, query)
    return predictions.mean.numpy(), predictions.median.numpy()


class TestAgainstReferences:
    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_posterior_of_each_user_equals_the_formula(self, learner: ClosedForm, user: int) -> None:
        support, query = random_support()
        one, noise = OneUser(support, query, user), noise_of(learner)
        means, variances = latent_of(learner, support, query)
        inverse = np.linalg.inv(one.features @ one.features.T + np.diag(noise + one.variances))
        weights = one.prior + one.features.T @ inverse @ one.residuals
        cross = one.query_features @ one.features.T
        explained = np.einsum("qs,st,qt->q", cross, inverse, cross)
        np.testing.assert_allclose(means[user], one.query_levels + one.query_features @ weights, atol=1e-10)
        expected = (one.query_features**2).sum(axis=1) - explained + one.query_variances
        np.testing.assert_allclose(variances[user], expected, atol=1e-10)

    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_posterior_means_equal_the_normal_equations(self, learner: ClosedForm, user: int) -> None:
        support, query = random_support()
        one = OneUser(support, query, user)
        expected = one.weights(noise_of(learner))
        np.testing.assert_allclose(learner.adapt(support).weights[user].detach(), expected, atol=1e-10)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_predictions_equal_ridge_regression(self, learner: ClosedForm, user: int) -> None:
        support, query = random_support()
        one = OneUser(support, query, user)
        certainties = 1 / (noise_of(learner) + one.variances)
        ridge = Ridge(alpha=1.0, fit_intercept=False).fit(one.features, one.residuals, sample_weight=certainties)
        expected = one.query_levels + one.query_features @ one.prior + ridge.predict(one.query_features)
        np.testing.assert_allclose(latent_of(learner, support, query)[0][user], expected, atol=1e-10)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_predictions_and_variances_equal_a_gaussian_process(self, learner: ClosedForm, user: int) -> None:
        support, query = random_support()
        one = OneUser(support, query, user)
        noise = noise_of(learner) + one.variances
        process = GaussianProcessRegressor(DotProduct(sigma_0=1e-8), alpha=noise, optimizer=None)
        residuals, deviations = process.fit(one.features, one.residuals).predict(one.query_features, return_std=True)
        means, variances = latent_of(learner, support, query)
        np.testing.assert_allclose(
            means[user], one.query_levels + one.query_features @ one.prior + residuals, atol=1e-10
        )
        np.testing.assert_allclose(variances[user], deviations**2 + one.query_variances, atol=1e-10)

    @pytest.mark.parametrize("user", range(len(SIZES)))
    def test_posterior_means_equal_the_limit_of_gradient_descent(self, learner: ClosedForm, user: int) -> None:
        support, query = random_support()
        one, noise = OneUser(support, query, user), noise_of(learner)
        weights = one.prior + 1.0
        certainties = 1 / (noise + one.variances)
        rate = 1.0 / ((np.square(one.features).T * certainties).sum() + 1)
        for _ in range(5000):
            errors = one.levels + one.features @ weights - one.ratings
            weights = weights - rate * (one.features.T @ (certainties * errors) + weights - one.prior)
        np.testing.assert_allclose(learner.adapt(support).weights[user].detach(), weights, atol=1e-8)

    @pytest.mark.parametrize("user", [0, 2, 3])
    def test_leave_one_out_residuals_equal_those_of_refitting_without_each_rating(
        self, learner: ClosedForm, user: int
    ) -> None:
        support, query = random_support()
        one, size = OneUser(support, query, user), SIZES[user]
        expected = [
            one.ratings[row]
            - one.levels[row]
            - one.features[row] @ one.weights(noise_of(learner), np.arange(size) != row)
            for row in range(size)
        ]
        summary = learner.adapt(support).summary
        np.testing.assert_allclose(summary.leave_one_out[user, :size].detach(), expected, atol=1e-10)
        np.testing.assert_allclose(summary.residuals[user, :size].detach(), one.residuals, atol=1e-10)

    def test_gradient_norms_equal_autograd_of_the_last_layer(self, learner: ClosedForm) -> None:
        support, query = random_support()
        posterior = learner.adapt(support)
        actual = learner.gradient_norms(posterior, support.users, query)
        for user in range(len(SIZES)):
            for row in range(QUERY):
                weights = posterior.weights.detach().requires_grad_()
                prediction = learner.predict(replace(posterior, weights=weights), support.users, query).mean[user, row]
                [gradient] = torch.autograd.grad(prediction, weights)
                torch.testing.assert_close(actual[user, row], gradient.norm())


class TestPrior:
    def test_posterior_without_ratings_or_steps_is_the_prior(self, learner: ClosedForm) -> None:
        support, query = random_support()
        unadapted, variances = latent_of(learner, support, query, steps=0)
        for user in range(len(SIZES)):
            one = OneUser(support, query, user)
            np.testing.assert_allclose(unadapted[user], one.query_levels + one.query_features @ one.prior, atol=1e-12)
            prior = np.square(one.query_features).sum(axis=1) + one.query_variances
            np.testing.assert_allclose(variances[user], prior, atol=1e-12)
        empty = SIZES.index(0)
        np.testing.assert_allclose(latent_of(learner, support, query)[0][empty], unadapted[empty], atol=1e-12)

    def test_posterior_of_support_without_slots_is_the_prior(self, learner: ClosedForm) -> None:
        support, query = random_support([0, 0])
        assert support.mask.shape == (2, 0)
        one = OneUser(support, query, 1)
        expected = one.query_levels + one.query_features @ one.prior
        np.testing.assert_allclose(latent_of(learner, support, query)[0][1], expected, atol=1e-12)

    def test_posterior_with_other_numbers_of_steps_stays_the_same(self, learner: ClosedForm) -> None:
        support, query = random_support()
        expected = latent_of(learner, support, query)
        for steps in (1, 7):
            np.testing.assert_array_equal(latent_of(learner, support, query, steps=steps), expected)


def test_drawn_predictions_deviate_from_the_mean_by_the_variance_of_each_item(learner: ClosedForm) -> None:
    support, query = random_support()
    adapted = learner.adapt(support)
    plain = learner.predict(adapted, support.users, query)
    draw = Draw(torch.full((len(SIZES), QUERY), 2.0), torch.tensor([[0.0], [1.0], [0.6], [0.0]]))
    drawn = learner.predict_drawn(adapted, support.users, query, draw)
    assert torch.equal(drawn.mean[0], plain.mean[0])
    assert torch.equal(drawn.median[0], plain.median[0])
    torch.testing.assert_close(drawn.mean[1], plain.mean[1] + 2 * plain.median[1].sqrt())
    assert not drawn.median[1].any()
    torch.testing.assert_close(drawn.mean[2], plain.mean[2] + 1.2 * plain.median[2].sqrt())
    torch.testing.assert_close(drawn.median[2], 0.64 * plain.median[2])


class TestDrift:
    """Ratings lose weight with their age; one rating of each age, and otherwise the same numbers."""

    DAY = 24 * 60 * 60
    NOW = 1_000_000_000

    def dated(self, ages: list[float | None]) -> tuple[Support[ClosedFormUsers, ClosedFormItems], ClosedFormItems]:
        """One user with ratings of these ages in days; None for an unknown time."""
        support, query = random_support([len(ages)])
        times = [0 if age is None else self.NOW - int(age * self.DAY) for age in ages]
        return replace(support, times=torch.tensor([times]), now=torch.tensor([self.NOW])), query

    def test_posterior_equals_the_normal_equations_with_noise_that_doubles_with_each_half_life(self) -> None:
        learner, ages = learner_with(half_life=30.0), [0.0, 30.0, 15.0, 90.0]
        support, query = self.dated(ages)
        one = OneUser(support, query, 0)
        noise = noise_of(learner) * 2 ** (np.array(ages) / 30)
        certainties = 1 / (noise + one.variances)
        precision = one.features.T * certainties @ one.features + np.eye(FEATURES)
        expected = one.prior + np.linalg.solve(precision, one.features.T @ (certainties * one.residuals))
        np.testing.assert_allclose(learner.adapt(support).weights[0].detach(), expected, rtol=1e-5)

    def test_unknown_and_later_times_count_as_no_age(self) -> None:
        learner = learner_with(half_life=1.0)
        aged, query = self.dated([None, -5.0, 0.0])
        no_now = replace(aged, now=torch.tensor([0]))
        undated = replace(aged, times=None, now=None)
        for support in (aged, no_now):
            np.testing.assert_array_equal(latent_of(learner, support, query), latent_of(learner, undated, query))

    def test_very_old_ratings_leave_the_prior(self) -> None:
        learner = learner_with(half_life=0.01, half_weight_count=None)
        support, query = self.dated([20_000.0, 5_000.0, 10_000.0])
        means, _ = latent_of(learner, support, query)
        np.testing.assert_allclose(means, latent_of(learner, support, query, steps=0)[0], atol=1e-4)

    def test_learner_without_half_life_ignores_times(self, learner: ClosedForm) -> None:
        support, query = self.dated([0.0, 3000.0])
        undated = replace(support, times=None, now=None)
        np.testing.assert_array_equal(latent_of(learner, support, query), latent_of(learner, undated, query))

    def test_half_life_is_learned(self) -> None:
        learner = learner_with(half_life=30.0)
        support, query = self.dated([0.0, 300.0])
        learner.loss(learner.adapt(support), support.users, query, torch.full((1, QUERY), 4.0)).sum().backward()
        assert learner.log_half_life is not None
        assert learner.log_half_life.grad != 0


class TestWarmUp:
    @staticmethod
    def warmed_up(
        learner: ClosedForm, items: ClosedFormItems, counts: list[int], means: list[float]
    ) -> ClosedFormItems:
        support, _ = random_support([0])
        n, y = torch.tensor(counts).double(), torch.tensor(means).double()
        with torch.no_grad():
            return learner.warmed_up(items, LaterRatings(n, y, n, 0 * n), support.users, learner.adapt(support))

    def test_levels_and_variances_equal_the_normal_equations_of_single_ratings(self, learner: ClosedForm) -> None:
        support, query = random_support([0])
        items, ratings = query[0], [[5.0], [1.0, 4.0], [2.0] * 3, [3.0, 5.0, 5.0, 1.0], [4.0] * 5]
        warm = self.warmed_up(learner, items, [1, 2, 3, 4, 5], [float(np.mean(own)) for own in ratings])
        prior = support.users.prior_mean[0].numpy()
        for item, own in enumerate(ratings):
            level, variance, features = (values[item].numpy() for values in items.tensors())
            # One unknown, the change of the level, and one equation for each rating.
            certainty = 1 / (noise_of(learner) + features @ features)
            precision = 1 / variance + len(own) * certainty
            change = sum(certainty * (rating - level - features @ prior) for rating in own) / precision
            np.testing.assert_allclose(warm.level[item], level + change, atol=1e-10)
            np.testing.assert_allclose(warm.variance[item], 1 / precision, atol=1e-10)
            np.testing.assert_array_equal(warm.features[item], features)

    def test_item_rated_very_often_is_predicted_as_the_mean_of_its_ratings(self, learner: ClosedForm) -> None:
        support, query = random_support([0])
        warm = self.warmed_up(learner, query[0], [10**6] * QUERY, [5.0] * QUERY)
        means, _ = latent_of(learner, support, warm.expand(1))
        np.testing.assert_allclose(means, 5.0, atol=1e-3)

    def test_items_alone_get_what_they_get_together(self, learner: ClosedForm) -> None:
        _, query = random_support([0])
        items, counts, means = query[0], [1, 2, 3, 40, 5], [5.0, 1.0, 2.5, 3.0, 4.0]
        together = self.warmed_up(learner, items, counts, means)
        for item in range(QUERY):
            alone = self.warmed_up(learner, items[item : item + 1], counts[item : item + 1], means[item : item + 1])
            for values, expected in zip(alone.tensors(), together.tensors(), strict=True):
                torch.testing.assert_close(values[0], expected[item])


class TestInvariances:
    @given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 1000))
    def test_predictions_with_other_padding_stay_the_same(
        self, learner: ClosedForm, sizes: list[int], extra: int, seed: int
    ) -> None:
        narrow, query = random_support(sizes, seed=seed)
        wide, _ = random_support(sizes, slots=max(sizes) + extra, seed=seed + 1)
        items, ratings = wide.items.map(lambda values: values.abs() * 1e3), wide.ratings * 1e3
        for padded_values, values in zip(items.tensors(), narrow.items.tensors(), strict=True):
            padded_values[wide.mask] = values[narrow.mask]
        ratings[wide.mask] = narrow.ratings[narrow.mask]
        padded = Support(narrow.users, items, ratings, wide.mask)
        expected = latent_of(learner, narrow, query)
        np.testing.assert_allclose(latent_of(learner, padded, query), expected, rtol=1e-9, atol=1e-9)

    @given(st.permutations(range(max(SIZES))))
    def test_predictions_with_shuffled_support_stay_the_same(self, learner: ClosedForm, order: list[int]) -> None:
        support, query = random_support()
        shuffled = Support(
            support.users,
            support.items.map(lambda values: values[:, order]),
            support.ratings[:, order],
            support.mask[:, order],
        )
        expected = latent_of(learner, support, query)
        np.testing.assert_allclose(latent_of(learner, shuffled, query), expected, rtol=1e-9, atol=1e-9)

    @given(st.integers(0, 1000))
    def test_variances_with_more_support_never_rise(self, learner: ClosedForm, seed: int) -> None:
        support, query = random_support([9], seed=seed)
        variances = [
            latent_of(learner, replace(support, mask=torch.arange(9).unsqueeze(0) < size), query)[1]
            for size in range(10)
        ]
        assert (np.diff(variances, axis=0) <= 1e-10).all()
        assert np.min(variances) > 0

    def test_prediction_of_item_rated_very_often_is_its_rating(self, learner: ClosedForm) -> None:
        support, _ = random_support([1])
        many = Support(
            support.users,
            support.items[0].take(torch.zeros(1, 3000, dtype=torch.int64)),
            support.ratings.expand(1, 3000),
            torch.ones(1, 3000, dtype=torch.bool),
        )
        means, _ = latent_of(learner, many, support.items)
        np.testing.assert_allclose(means, support.ratings, atol=5e-3)


class TestEmbedding:
    ROWS = EncodedRows({"x": torch.tensor([0, 1, 2, 3])}, 4)

    def test_embedded_items_hold_level_variance_and_scaled_features(self, learner: ClosedForm) -> None:
        items = learner.embed_items(self.ROWS)
        inputs = learner.item_fields(self.ROWS)
        hidden = inputs
        for layer in (learner.decision[0], learner.decision[2]):
            hidden = torch.relu(hidden @ layer.weight.T + layer.bias)
        features = [
            hidden * F.softplus(learner.hidden_scales),
            F.softplus(learner.bias_scale).expand(4, 1),
            inputs * F.softplus(learner.input_scales),
        ]
        assert items.features.shape == (4, FEATURES)
        # The offset starts at 0 for every item.
        torch.testing.assert_close(items.level, torch.full((4,), MEAN_RATING, dtype=torch.float64))
        torch.testing.assert_close(items.variance, F.softplus(learner.item_variance).expand(4))
        torch.testing.assert_close(items.features, torch.cat(features, dim=1))

    @pytest.mark.parametrize("half_weight_count", [3.0, 1.0])
    def test_prior_mean_depends_on_which_items_are_rated(self, half_weight_count: float) -> None:
        learner = learner_with(half_weight_count=half_weight_count)
        torch.nn.init.normal_(learner.prior_of_rated[2].weight, generator=torch.Generator().manual_seed(0))
        support, query = random_support()
        means, _ = latent_of(learner, support, query)
        for user, size in enumerate(SIZES):
            one = OneUser(support, query, user)
            mean_features = torch.from_numpy(one.features.mean(axis=0) if size else np.zeros(FEATURES))
            rated = learner.prior_of_rated(mean_features).detach().numpy()
            one.prior = one.prior + size / (size + half_weight_count) * rated
            one.residuals = one.ratings - one.levels - one.features @ one.prior
            expected = one.query_levels + one.query_features @ one.weights(noise_of(learner))
            np.testing.assert_allclose(means[user], expected, atol=1e-10)

    def test_prior_mean_without_half_weight_count_ignores_which_items_are_rated(self, learner: ClosedForm) -> None:
        without = learner_with(half_weight_count=None)
        torch.nn.init.normal_(without.prior_of_rated[2].weight, generator=torch.Generator().manual_seed(0))
        support, query = random_support()
        np.testing.assert_array_equal(latent_of(without, support, query), latent_of(learner, support, query))

    def test_prior_means_of_untrained_learner_are_0(self, learner: ClosedForm) -> None:
        assert not learner.embed_users(self.ROWS).prior_mean.any()

    def test_predictions_of_a_catalogue_are_inner_products(self, learner: ClosedForm) -> None:
        support, _ = random_support()
        generator = torch.Generator().manual_seed(1)
        catalogue = ClosedFormItems(
            *(torch.rand(50, *shape, generator=generator, dtype=torch.float64) for shape in ((), (), (FEATURES,)))
        )
        adapted = learner.adapt(support)
        expected, _ = latent_of(learner, support, catalogue.expand(len(SIZES)))
        with torch.no_grad():
            scores = learner.prepare(catalogue).scores(adapted, support.users)
            products = catalogue.level + adapted.weights @ catalogue.features.T
        np.testing.assert_allclose(products, expected, atol=1e-10)
        np.testing.assert_allclose(scores, expected, atol=1e-10)

    def test_gradients_of_the_loss_reach_every_parameter(self, learner: ClosedForm) -> None:
        items = learner.embed_items(self.ROWS)
        support = Support(
            users=learner.embed_users(self.ROWS),
            items=items.take(torch.tensor([[1, 2], [2, 3], [3, 0], [0, 1]])),
            ratings=torch.tensor([[5.0, 1.0], [4.0, 2.0], [1.0, 3.0], [2.0, 2.0]], dtype=torch.float64),
            mask=torch.tensor([[True, True], [True, False], [True, True], [False, False]]),
        )
        query = items.take(torch.tensor([[3, 0], [0, 1], [1, 2], [2, 3]]))
        loss = learner.loss(learner.adapt(support), support.users, query, torch.full((4, 2), 4.0))
        names, parameters = zip(*learner.named_parameters(), strict=True)
        gradients = torch.autograd.grad(loss.sum(), parameters, materialize_grads=True)
        # The last layers of both networks for the prior mean start at 0, so no gradient reaches the layers before them.
        # Without collaborative inputs there are no counts of ratings and no principal components. There are no answers.
        without_gradient = {name for name, gradient in zip(names, gradients, strict=True) if not gradient.any()}
        assert without_gradient == {
            "user_fields.layers.0.weight",
            "prior_mean.0.weight",
            "prior_mean.0.bias",
            "prior_of_rated.0.weight",
            "prior_of_rated.0.bias",
            "component_scale",
            "settling_count",
            "answer_noise",
            "answer_shift",
        }
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
