import numpy as np
import polars as pl
import pytest

from models.elicitation.fixed import strategy_scores
from models.elicitation.strategy import Strategy

FIXED = [strategy for strategy in Strategy if strategy is not Strategy.SEQUENTIAL]

STATISTICS = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "rating_count": [8, 4, 2, 0],
        "rating_entropy": [0.5, 1.0, 1.5, 0.0],
        "gradient_value": [0.25, 1.0, 0.5, 0.0],
    }
)


class TestStrategyScores:
    def test_gradient_popularity_is_the_product_of_both(self) -> None:
        scores = strategy_scores(STATISTICS, Strategy.GRADIENT_POPULARITY)
        assert scores.tolist() == [0.25 * 1.0, 1.0 * 0.5, 0.5 * 0.25, 0.0]

    def test_popularity_is_the_share_of_the_largest_count(self) -> None:
        assert strategy_scores(STATISTICS, Strategy.POPULARITY).tolist() == [1.0, 0.5, 0.25, 0.0]

    def test_popularity_entropy_is_the_logarithm_times_the_entropy(self) -> None:
        expected = np.array([np.log(9) * 0.5, np.log(5) * 1.0, np.log(3) * 1.5, 0.0])
        actual = strategy_scores(STATISTICS, Strategy.POPULARITY_ENTROPY)
        np.testing.assert_allclose(actual, expected / expected.max())

    def test_random_scores_depend_on_the_seed_alone(self) -> None:
        first, again, other = (strategy_scores(STATISTICS, Strategy.RANDOM, seed=seed).tolist() for seed in (0, 0, 1))
        assert first == again
        assert first != other

    @pytest.mark.parametrize("strategy", FIXED)
    def test_scores_lie_between_0_and_1(self, strategy: Strategy) -> None:
        scores = strategy_scores(STATISTICS, strategy)
        assert scores.shape == (4,)
        assert ((scores >= 0) & (scores <= 1)).all()

    @pytest.mark.parametrize("strategy", [strategy for strategy in FIXED if strategy is not Strategy.RANDOM])
    def test_items_without_ratings_score_0(self, strategy: Strategy) -> None:
        assert strategy_scores(STATISTICS[3:], strategy).tolist() == [0.0]

    @pytest.mark.parametrize("strategy", FIXED)
    def test_scores_without_items_are_empty(self, strategy: Strategy) -> None:
        assert strategy_scores(STATISTICS[:0], strategy).shape == (0,)

    def test_scores_of_the_sequential_strategy_raise_value_error(self) -> None:
        with pytest.raises(ValueError, match="scores of the strategy sequential depend on the user"):
            strategy_scores(STATISTICS, Strategy.SEQUENTIAL)
