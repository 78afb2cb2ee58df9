"""The ordinal head, compared with SciPy's logistic distribution and with a search over all levels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import logistic
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.learners.heads.base import Latent, SupportSummary
from models.learners.heads.ordinal import OrdinalConfig, OrdinalHead

STARS = RatingScale(minimum=1, maximum=5)
HALVES = RatingScale(minimum=0.5, maximum=5, step=0.5)
THUMBS = RatingScale(minimum=0, maximum=1)
SCALES = pytest.mark.parametrize("scale", [THUMBS, STARS, HALVES], ids=["2 levels", "5 levels", "10 levels"])


def levels_of(scale: RatingScale) -> NDArray[np.float64]:
    return scale.minimum + scale.step * np.arange(scale.level_count)


def latent_of(means: Sequence[float], variance: float = 0.0) -> Latent:
    """The latent predictions of one user."""
    mean = torch.tensor([means], dtype=torch.float32)
    return Latent(mean, torch.full_like(mean, variance))


def summary(ratings: Sequence[Sequence[float]], *, predicted: float = 3.0, slots: int | None = None) -> SupportSummary:
    """Users with these ratings, all of which had the same prediction."""
    width = max((len(some) for some in ratings), default=0) if slots is None else slots
    values, mask = torch.zeros(len(ratings), width), torch.zeros(len(ratings), width, dtype=torch.bool)
    for user, some in enumerate(ratings):
        values[user, : len(some)] = torch.tensor(some, dtype=torch.float32)
        mask[user, : len(some)] = True
    residuals = (values - predicted) * mask
    return SupportSummary(ratings=values, residuals=residuals, leave_one_out=residuals * 1.5, mask=mask)


def with_random_shifts(head: OrdinalHead, *, seed: int = 0, size: float = 0.3) -> OrdinalHead:
    """The same head with random weights of the network that shifts thresholds and scale, as if it were trained."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        output = head.shifts[-1]
        output.weight.copy_(torch.randn(output.weight.shape, generator=generator) * size)
        output.bias.copy_(torch.randn(output.bias.shape, generator=generator) * size)
    return head


def head_for(scale: RatingScale, config: OrdinalConfig | None = None) -> OrdinalHead:
    torch.manual_seed(0)
    return OrdinalHead(scale, config or OrdinalConfig())


def probabilities_of(head: OrdinalHead, latent: Latent, support: SupportSummary) -> Tensor:
    with torch.no_grad():
        distribution = head.predict(latent, support).distribution
    assert distribution is not None
    return distribution.probabilities


class TestProbabilities:
    def test_probabilities_of_levels_are_differences_of_the_logistic_distribution(self) -> None:
        head = head_for(STARS)
        with torch.no_grad():
            head.first_threshold.fill_(0.2)
            head.log_gaps.copy_(torch.tensor([0.7, 1.3, 0.5]).log())
            head.log_scale.fill_(np.log(0.6))
        means = np.array([1.0, 2.3, 3.7, 5.4])
        # Thresholds 0.2, 0.9, 2.2 and 2.7 are in levels from 0, that is 1.2, 1.9, 3.2 and 3.7 stars.
        below = logistic.cdf(np.array([1.2, 1.9, 3.2, 3.7]), loc=means[:, None], scale=0.6)
        expected = np.diff(below, axis=1, prepend=0.0, append=1.0)
        actual = probabilities_of(head, latent_of(means.tolist()), summary([[4.0]]))
        np.testing.assert_allclose(actual[0], expected, atol=1e-6)

    def test_initial_thresholds_and_scale_are_those_of_the_config(self) -> None:
        head = head_for(STARS, OrdinalConfig(first_threshold=0.3, scale=0.7))
        below = logistic.cdf(np.array([1.3, 2.3, 3.3, 4.3]), loc=3.1, scale=0.7)
        actual = probabilities_of(head, latent_of([3.1]), summary([[4.0]]))
        np.testing.assert_allclose(actual[0, 0], np.diff(below, prepend=0.0, append=1.0), atol=1e-6)

    def test_probabilities_with_latent_variance_are_wider(self) -> None:
        head = head_for(HALVES)
        scale = np.sqrt(0.5**2 + np.log1p(np.exp(-1.0)) * 0.8 / 0.5**2)
        below = logistic.cdf(np.arange(9) + 0.5, loc=(3.0 - 0.5) / 0.5, scale=scale)
        actual = probabilities_of(head, latent_of([3.0], variance=0.8), summary([[4.0]]))
        np.testing.assert_allclose(actual[0, 0], np.diff(below, prepend=0.0, append=1.0), atol=1e-6)

    def test_probabilities_of_each_user_follow_the_shifts_of_thresholds_and_scale(self) -> None:
        head = with_random_shifts(head_for(STARS))
        support = summary([[5.0, 5.0, 4.0], [1.0]])
        with torch.no_grad():
            shifts = 1.5 * np.tanh(head.shifts(head._statistics(support)).numpy().astype(np.float64) / 1.5)
        latent = Latent(torch.tensor([[3.3], [3.3]]), torch.zeros(2, 1))
        for user, (first, *gaps, stretch) in enumerate(shifts):
            thresholds = np.cumsum([0.5 + first, *np.exp(gaps)])
            below = logistic.cdf(thresholds, loc=2.3, scale=0.5 * np.exp(stretch))
            actual = probabilities_of(head, latent, support)[user, 0]
            np.testing.assert_allclose(actual, np.diff(below, prepend=0.0, append=1.0), atol=1e-5)

    def test_likeliest_level_with_extreme_shifts_still_rises_with_the_mean(self) -> None:
        head = with_random_shifts(head_for(STARS))
        with torch.no_grad():
            head.shifts[2].weight.mul_(1e4)
        [likeliest] = probabilities_of(head, latent_of([1.0, 3.0, 5.0]), summary([[5.0] * 50])).argmax(axis=-1)
        assert (np.diff(likeliest) >= 0).all()
        assert likeliest[0] <= 2 <= likeliest[2]

    @SCALES
    def test_probabilities_on_any_scale_are_a_distribution(self, scale: RatingScale) -> None:
        head = with_random_shifts(head_for(scale))
        means = np.linspace(scale.minimum - 3, scale.maximum + 3, 25).tolist()
        actual = probabilities_of(head, latent_of(means), summary([levels_of(scale)[:2].tolist()]))
        assert actual.shape == (1, 25, scale.level_count)
        assert (actual >= 0).all()
        torch.testing.assert_close(actual.sum(dim=-1), torch.ones(1, 25))

    @SCALES
    def test_likeliest_level_of_untrained_head_is_the_nearest(self, scale: RatingScale) -> None:
        levels = levels_of(scale)
        actual = probabilities_of(head_for(scale), latent_of(levels.tolist()), summary([[]]))
        assert actual[0].argmax(dim=-1).tolist() == list(range(scale.level_count))


class TestPredict:
    @SCALES
    @given(st.integers(0, 1000))
    def test_mean_and_median_of_any_distribution_minimise_their_errors(self, scale: RatingScale, seed: int) -> None:
        generator = np.random.default_rng(seed)
        head = with_random_shifts(head_for(scale), seed=seed)
        levels = levels_of(scale)
        means = generator.uniform(scale.minimum - 1, scale.maximum + 1, 6).tolist()
        support = summary([generator.choice(levels, 4).tolist()])
        with torch.no_grad():
            predictions = head.predict(latent_of(means, variance=0.3), support)
        distribution = predictions.distribution.probabilities[0].double().numpy()
        absolute = distribution @ np.abs(levels[:, None] - levels)
        chosen = np.take_along_axis(absolute, np.searchsorted(levels, predictions.median[0].numpy())[:, None], axis=1)
        assert np.isin(predictions.median[0].numpy(), levels).all()
        np.testing.assert_allclose(chosen[:, 0], absolute.min(axis=1), atol=1e-5)
        np.testing.assert_allclose(predictions.mean[0], distribution @ levels, atol=1e-5)

    def test_score_of_any_prediction_is_the_latent_mean(self) -> None:
        latent = latent_of([7.0, -2.0, 3.1])
        assert torch.equal(head_for(STARS).predict(latent, summary([[1.0]])).score, latent.mean)

    @SCALES
    def test_mean_and_median_rise_with_the_latent_mean(self, scale: RatingScale) -> None:
        head = with_random_shifts(head_for(scale))
        means = np.linspace(scale.minimum - 2, scale.maximum + 2, 60).tolist()
        with torch.no_grad():
            predictions = head.predict(latent_of(means), summary([[scale.maximum]]))
        assert (predictions.mean.diff() >= 0).all()
        assert (predictions.median.diff() >= 0).all()


class TestLoss:
    @SCALES
    def test_loss_of_each_rating_is_its_negative_log_likelihood(self, scale: RatingScale) -> None:
        head = with_random_shifts(head_for(scale), size=0.05)  # no probability falls below the lower bound
        levels = levels_of(scale)
        latent, support = latent_of([(scale.minimum + scale.maximum) / 2] * len(levels)), summary([levels[:2].tolist()])
        probabilities = probabilities_of(head, latent, support)[0].double().numpy()
        loss = head.loss(latent, support, torch.tensor(levels, dtype=torch.float32).unsqueeze(0))
        np.testing.assert_allclose(loss[0].detach(), -np.log(np.diagonal(probabilities)), rtol=1e-4)

    def test_loss_of_an_unlikely_rating_is_bounded_with_a_finite_gradient(self) -> None:
        head = head_for(STARS)
        loss = head.loss(latent_of([1e4]), summary([[5.0]]), torch.tensor([[1.0]]))
        loss.sum().backward()
        assert loss.item() == pytest.approx(-np.log(1e-5))
        assert all(torch.isfinite(value.grad).all() for value in head.parameters() if value.grad is not None)

    def test_thresholds_that_minimise_the_loss_reproduce_the_shares_of_the_levels(self) -> None:
        # All ratings have the same latent mean.
        shares = np.array([0.05, 0.1, 0.15, 0.4, 0.3])
        ratings = torch.tensor(np.repeat(np.arange(1.0, 6.0), (shares * 100).astype(int)), dtype=torch.float32)[None]
        head, latent, support = head_for(STARS), latent_of([3.5] * 100), summary([[]])
        optimizer = torch.optim.LBFGS(
            [head.first_threshold, head.log_gaps], max_iter=100, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = head.loss(latent, support, ratings).mean()
            loss.backward()
            return loss

        optimizer.step(closure)
        np.testing.assert_allclose(probabilities_of(head, latent, support)[0, 0], shares, atol=1e-3)


class TestShifts:
    @SCALES
    def test_probabilities_of_untrained_head_are_the_same_for_all_users(self, scale: RatingScale) -> None:
        low, high = scale.minimum, scale.maximum
        support = summary([[high] * 9, [low] * 9, [low, high, low], []])
        latent = Latent(torch.full((4, 3), (low + high) / 2), torch.full((4, 3), 0.2))
        probabilities = probabilities_of(head_for(scale), latent, support)
        assert all(torch.equal(of_user, probabilities[0]) for of_user in probabilities)

    @SCALES
    def test_probabilities_with_max_shift_0_are_the_same_for_all_users(self, scale: RatingScale) -> None:
        low, high = scale.minimum, scale.maximum
        head = with_random_shifts(head_for(scale, OrdinalConfig(max_shift=0)))
        support = summary([[high] * 9, [low] * 9, []])
        latent = Latent(torch.full((3, 3), (low + high) / 2), torch.full((3, 3), 0.2))
        expected = probabilities_of(head_for(scale), latent, support)
        assert torch.equal(probabilities_of(head, latent, support), expected)

    def test_loss_with_max_shift_0_trains_the_thresholds_and_has_finite_gradients(self) -> None:
        head = with_random_shifts(head_for(STARS, OrdinalConfig(max_shift=0)))
        head.loss(latent_of([3.0, 2.0]), summary([[5.0]]), torch.tensor([[4.0, 1.0]])).sum().backward()
        assert head.first_threshold.grad != 0
        assert all(torch.isfinite(value.grad).all() for value in head.parameters() if value.grad is not None)

    def test_probabilities_of_trained_head_differ_between_users(self) -> None:
        latent = Latent(torch.full((2, 1), 3.0), torch.zeros(2, 1))
        generous, severe = probabilities_of(
            with_random_shifts(head_for(STARS)), latent, summary([[5.0] * 9, [1.0] * 9])
        )
        assert not torch.allclose(generous, severe, atol=1e-3)

    def test_training_the_shifts_separates_generous_and_severe_users(self) -> None:
        # The latent means are all the same. One user rates 4 and 5, the other 1 and 2.
        head = head_for(STARS)
        support = summary([[5.0, 4.0], [1.0, 2.0]])
        latent, ratings = Latent(torch.full((2, 2), 3.0), torch.zeros(2, 2)), torch.tensor([[5.0, 4.0], [1.0, 2.0]])
        optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
        for _ in range(150):
            optimizer.zero_grad()
            head.loss(latent, support, ratings).mean().backward()
            optimizer.step()
        means = head.predict(latent, support).mean[:, 0]
        assert means[0] > 4.0
        assert means[1] < 2.0

    @given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), max_size=6), min_size=1, max_size=4))
    def test_probabilities_with_other_padding_stay_the_same(self, ratings: list[list[float]]) -> None:
        head = with_random_shifts(head_for(STARS))
        narrow = summary(ratings)
        width = narrow.mask.shape[1]
        wide = summary(ratings, slots=width + 3)
        junk = torch.where(torch.arange(width + 3) % 2 == 0, 1e6, -1e6).expand(len(ratings), -1)
        filled = replace(
            wide,
            **{
                name: torch.where(wide.mask, getattr(wide, name), junk)
                for name in ("ratings", "residuals", "leave_one_out")
            },
        )
        latent = Latent(torch.full((len(ratings), 2), 3.3), torch.full((len(ratings), 2), 0.1))
        torch.testing.assert_close(probabilities_of(head, latent, filled), probabilities_of(head, latent, narrow))

    @given(st.permutations(range(5)))
    def test_probabilities_with_shuffled_support_stay_the_same(self, order: list[int]) -> None:
        head, support = with_random_shifts(head_for(STARS)), summary([[1.0, 5.0, 4.0, 4.0, 2.0]])
        shuffled = SupportSummary(*(value[:, order] for value in vars(support).values()))
        latent = latent_of([2.0, 3.0])
        torch.testing.assert_close(probabilities_of(head, latent, shuffled), probabilities_of(head, latent, support))

    @SCALES
    @pytest.mark.parametrize("extreme", ["nothing", "highest", "lowest", "contradictory"])
    @pytest.mark.parametrize("count", [1, 100])
    def test_predictions_with_extreme_support_are_finite_and_on_the_scale(
        self, scale: RatingScale, extreme: str, count: int
    ) -> None:
        low, high = scale.minimum, scale.maximum
        ratings = {"nothing": [], "highest": [high], "lowest": [low], "contradictory": [low, high]}[extreme] * count
        head = with_random_shifts(head_for(scale))
        head.fit_statistics(np.array([high], dtype=np.float32))  # the other levels never occur
        with torch.no_grad():
            latent = latent_of([-50.0, low, high, 50.0], variance=0.5)
            predictions = head.predict(latent, summary([ratings], predicted=(low + high) / 2))
        for decoded in (predictions.mean, predictions.median):
            assert torch.isfinite(decoded).all()
            assert decoded.min() >= low - 1e-5
            assert decoded.max() <= high + 1e-5


class TestFitStatistics:
    def test_level_shares_of_ratings_count_the_levels(self) -> None:
        head = head_for(HALVES)
        head.fit_statistics(np.array([0.5, 5.0, 5.0, 4.5], dtype=np.float32))
        expected = np.array([1, *[0.5] * 7, 1, 2])
        np.testing.assert_allclose(head.level_shares, expected / expected.sum(), rtol=1e-6)

    def test_level_shares_are_part_of_the_state(self) -> None:
        fitted, loaded = head_for(STARS), head_for(STARS)
        fitted.fit_statistics(np.array([1, 5, 5], dtype=np.float32))
        loaded.load_state_dict(fitted.state_dict())
        assert torch.equal(loaded.level_shares, fitted.level_shares)
