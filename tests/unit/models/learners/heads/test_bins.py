import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import integrate, optimize

from models.data.distribution import Distribution
from models.data.rating_scale import RatingScale
from models.learners.heads.base import Latent, Predictions, SupportSummary
from models.learners.heads.bins import Bins
from models.learners.heads.ordinal import OrdinalConfig

FINE = RatingScale(minimum=-10, maximum=10, step=0.01)
SECONDS = RatingScale(minimum=0, maximum=86_400, continuous=True)


def skewed_seconds() -> NDArray[np.float32]:
    """Dwell times: most are short, a quarter is exactly 0, some reach the maximum."""
    times = np.random.default_rng(0).lognormal(3.0, 1.5, 4000).clip(0, 86_400)
    times[:1000], times[-20:] = 0.0, 86_400
    return times.astype(np.float32)


def ratings_around_7() -> NDArray[np.float32]:
    """A third of the ratings is exactly 7."""
    ratings = np.random.default_rng(0).normal(7, 4, 3000).clip(-10, 10)
    ratings[:1000] = 7.0
    return FINE.nearest(ratings).astype(np.float32)


def fitted(scale: RatingScale, ratings: NDArray[np.float32]) -> Bins:
    bins = Bins(scale, 20)
    bins.fit(ratings)
    return bins


CASES = [(FINE, ratings_around_7()), (SECONDS, skewed_seconds())]


@pytest.mark.parametrize(("scale", "ratings"), CASES, ids=["fine", "seconds"])
class TestBins:
    def test_ends_rise_and_cover_the_scale(self, scale: RatingScale, ratings: NDArray[np.float32]) -> None:
        edges = fitted(scale, ratings).edges.numpy()
        assert (np.diff(edges) > 0).all()
        half = (scale.step or 0.0) / 2
        assert (edges[0], edges[-1]) == pytest.approx((scale.minimum - half, scale.maximum + half))

    def test_place_on_the_inner_scale_rises_with_the_rating(
        self, scale: RatingScale, ratings: NDArray[np.float32]
    ) -> None:
        inside = fitted(scale, ratings).inside(torch.from_numpy(np.unique(ratings))).numpy()
        assert (np.diff(inside) > 0).all()
        assert inside.min() >= 1 - 2 / 19 - 1e-6
        assert inside.max() <= 5 + 2 / 19 + 1e-6

    def test_ratings_have_a_similar_spread_inside_as_stars(
        self, scale: RatingScale, ratings: NDArray[np.float32]
    ) -> None:
        inside = fitted(scale, ratings).inside(torch.from_numpy(ratings))
        assert 0.7 < inside.std().item() < 1.6

    def test_level_of_the_inner_scale_is_the_bin_of_the_rating(
        self, scale: RatingScale, ratings: NDArray[np.float32]
    ) -> None:
        bins = fitted(scale, ratings)
        expected = np.clip(np.searchsorted(bins.edges.numpy(), ratings, side="right") - 1, 0, 19)
        found = bins.inner.levels_of(bins.inside(torch.from_numpy(ratings))).numpy()
        # A continuous rating may be an end itself, which float32 puts on either side.
        assert np.abs(found - expected).max() <= (0 if scale.step else 1)


def test_ends_on_a_scale_with_steps_lie_halfway_between_levels() -> None:
    edges = fitted(FINE, ratings_around_7()).edges.numpy()
    steps = (edges - FINE.minimum) / 0.01
    np.testing.assert_allclose(steps - np.floor(steps), 0.5, atol=1e-6)
    # The rating of a third of all has a bin of its own.
    assert np.isclose(np.diff(edges), 0.01).any()


def test_smallest_fine_scale_has_one_level_a_bin() -> None:
    bins = fitted(RatingScale(minimum=0, maximum=19), np.full(50, 19, dtype=np.float32))
    np.testing.assert_allclose(bins.edges.numpy(), np.arange(21) - 0.5)


class TestPredictions:
    def test_median_and_mean_agree_with_numerical_integration(self) -> None:
        bins = fitted(SECONDS, skewed_seconds())
        found, probabilities = predictions(bins)
        edges = bins.edges.numpy()
        for mean, median, shares in zip(found.mean[0], found.median[0], probabilities, strict=True):
            density = shares.double().numpy() / np.diff(edges)

            def pdf(x: float, density: NDArray[np.float64] = density) -> float:
                return float(density[min(np.searchsorted(edges, x, side="right") - 1, 19)])

            pieces = list(itertools.pairwise(edges))
            assert sum(integrate.quad(pdf, *piece)[0] for piece in pieces) == pytest.approx(1.0, rel=1e-5)
            moments = [integrate.quad(lambda x, pdf=pdf: x * pdf(x), *piece)[0] for piece in pieces]
            assert mean.item() == pytest.approx(sum(moments), rel=1e-4)
            cumulative = np.concatenate([[0.0], np.cumsum(shares.double().numpy())])
            half = optimize.brentq(lambda x, c=cumulative: np.interp(x, edges, c) - 0.5, edges[0], edges[-1])
            assert median.item() == pytest.approx(half, rel=1e-3, abs=1e-2)

    def test_median_on_a_scale_with_steps_is_a_level_with_half_of_the_probability_on_each_side(self) -> None:
        bins = fitted(FINE, ratings_around_7())
        found, _ = predictions(bins)
        assert found.distribution is not None
        for place, median in enumerate(found.median[0].tolist()):
            assert FINE.contains(median)
            assert found.distribution.at_least(median)[0, place] >= 0.5 - 1e-4
            assert found.distribution.at_least(median + 0.01)[0, place] <= 0.5 + 1e-4

    def test_predictions_hold_no_array_with_a_column_for_each_level(self) -> None:
        found, _ = predictions(fitted(FINE, ratings_around_7()))
        assert found.distribution is not None
        sizes = [tensor.numel() for tensor in (found.score, found.mean, found.median)]
        assert sizes == [6, 6, 6]
        assert found.distribution.probabilities.numel() == 6 * 20

    def test_scores_have_the_order_of_the_latent_means(self) -> None:
        bins = fitted(FINE, ratings_around_7())
        scores = bins.scores(torch.tensor([0.0, 1.0, 3.0, 5.0, 7.0]))
        assert scores.tolist() == pytest.approx([-15.0, -10.0, 0.0, 10.0, 20.0])


def predictions(bins: Bins) -> tuple[Predictions, torch.Tensor]:
    """Predictions of six ratings from an ordinal head on the bins, and the probabilities of their bins."""
    torch.manual_seed(0)
    head = OrdinalConfig().build(bins.inner, unit=1.0)
    means = torch.linspace(0.5, 5.5, 6).unsqueeze(0)
    with torch.no_grad():
        inner = head.predict(Latent(means, torch.full_like(means, 0.2)), nobody())
    assert isinstance(inner.distribution, Distribution)
    return bins.predictions(inner), inner.distribution.probabilities[0]


def nobody() -> SupportSummary:
    """An empty support set."""
    zeros = torch.zeros(1, 1)
    return SupportSummary(zeros + 3, zeros, zeros, zeros.bool())


def test_gradient_of_the_loss_on_bins_agrees_with_differences() -> None:
    torch.manual_seed(0)
    bins = fitted(SECONDS, skewed_seconds())
    head = OrdinalConfig().build(bins.inner, unit=1.0).double()
    ratings = bins.inside(torch.tensor([[0.0, 25.0, 4000.0]], dtype=torch.float64))
    support = nobody()
    support = SupportSummary(*(value.double() for value in (support.ratings,) * 3), support.mask)

    def loss(means: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        return head.loss(Latent(means, variance), support, ratings)

    means = torch.tensor([[1.5, 3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    variance = torch.full((1, 3), 0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (means, variance))
