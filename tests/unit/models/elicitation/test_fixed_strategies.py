from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.base import KnownItems
from models.elicitation.entropy import entropy
from models.elicitation.entropy0 import entropy0
from models.elicitation.fixed import FixedQuestions
from models.elicitation.gradient_popularity import gradient_popularity
from models.elicitation.helf import helf
from models.elicitation.outcome import outcome
from models.elicitation.popularity import popularity
from models.elicitation.popularity_entropy import popularity_entropy
from models.elicitation.random_items import RandomItems
from tests.unit.models.elicitation.known_items import first_screen, written_items

COUNTS, ENTROPIES = [8, 4, 2, 0], [0.5, 1.0, 1.5, 0.0]
ITEMS = written_items(COUNTS, ENTROPIES, users=16)
STRATEGIES = [popularity, gradient_popularity, entropy, entropy0, helf, popularity_entropy, RandomItems, outcome]


def scores(make: Callable[[KnownItems], FixedQuestions]) -> list[float]:
    return make(ITEMS).scores.tolist()


def test_popularity_is_the_share_of_the_largest_count() -> None:
    assert scores(popularity) == [1.0, 0.5, 0.25, 0.0]


def test_gradient_popularity_is_the_product_of_both() -> None:
    assert scores(gradient_popularity) == [0.25 * 1.0, 0.5 * 0.5, 0.75 * 0.25, 0.0]


def test_entropy_is_the_share_of_the_largest_entropy() -> None:
    assert scores(entropy) == pytest.approx([1 / 3, 2 / 3, 1.0, 0.0])


def test_popularity_entropy_is_the_logarithm_times_the_entropy() -> None:
    expected = np.array([np.log(9) * 0.5, np.log(5) * 1.0, np.log(3) * 1.5, 0.0])
    np.testing.assert_allclose(scores(popularity_entropy), expected / expected.max())


def test_helf_is_the_harmonic_mean_of_both() -> None:
    # ln 8 / ln 16 = 3/4, ln 4 / ln 16 = 1/2, ln 2 / ln 16 = 1/4; the entropies are 1/3, 2/3 and 1 of the largest.
    expected = [2 * 0.75 / 3 / (0.75 + 1 / 3), 2 * 0.5 * 2 / 3 / (0.5 + 2 / 3), 2 * 0.25 / 1.25, 0.0]
    assert scores(helf) == pytest.approx(expected)


def test_entropy0_is_the_entropy_over_ratings_and_unknown() -> None:
    """16 users: 8 rated an item with 1 or 5 alike, 4 rated another with 1, 2, 3 and 4, and 16 agree about the third."""

    def published(ratings: list[float], unknown: float) -> float:
        return -sum(share * np.log(share) for share in ratings) - 0.5 * unknown * np.log(unknown)

    items = written_items([8, 4, 16], [np.log(2), np.log(4), 0.0], users=16)
    expected = np.array([published([0.25, 0.25], 0.5), published([1 / 16] * 4, 0.75), 0.0])
    np.testing.assert_allclose(entropy0(items).scores, expected / expected.max(), atol=1e-9)


def test_outcome_follows_the_chosen_set_and_then_popularity() -> None:
    items = written_items([8, 4, 2, 6], [1.0] * 4, outcomes=[0.0, 0.5, 1.0, 0.0])
    assert first_screen(outcome(items), 4, 4) == ([2, 1, 0, 3], [1.0, 0.5, 0.0, 0.0])


def test_random_scores_depend_on_the_seed_alone() -> None:
    first, again, other = (RandomItems(ITEMS).with_seed(seed).scores.tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_equal_scores_are_ordered_by_popularity() -> None:
    questions = FixedQuestions(np.array([0.0, 1.0, 0.0, 0.0]), np.array([1, 0, 3, 3]))
    assert first_screen(questions, 4, 4)[0] == [1, 2, 3, 0]


@pytest.mark.parametrize("make", STRATEGIES)
class TestEveryFixedStrategy:
    def test_scores_lie_between_0_and_1(self, make: Callable[[KnownItems], FixedQuestions]) -> None:
        assert all(0 <= score <= 1 for score in scores(make))

    def test_items_without_ratings_score_0(self, make: Callable[[KnownItems], FixedQuestions]) -> None:
        unrated = make(written_items([0], [0.0])).scores
        assert unrated.shape == (1,)
        assert make is RandomItems or unrated.tolist() == [0.0]

    def test_no_items_give_no_questions(self, make: Callable[[KnownItems], FixedQuestions]) -> None:
        assert first_screen(make(written_items([], [])), 0, 5) == ([], [])

    def test_screen_has_the_highest_scores_among_what_may_be_asked(
        self, make: Callable[[KnownItems], FixedQuestions]
    ) -> None:
        strategy = make(ITEMS)
        order, _ = first_screen(strategy, 4, 4)
        asked = Asked.of_one(np.array(order[:1]), np.array([], dtype=np.int64))
        allowed: NDArray[np.bool_] = np.arange(4)[None] != order[1]
        (chosen,), (values,) = strategy.choose(asked, allowed, 3)
        assert chosen.tolist() == order[2:]
        assert values.tolist() == strategy.scores[order[2:]].tolist()
