import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.expected_gain import ExpectedGain
from models.learners.base import LastLayer
from models.learners.exposure import Exposure


def exposure(chances: NDArray[np.float64]) -> Exposure:
    return Exposure(np.log(chances / (1 - chances)), np.zeros((len(chances), 1)))


def choose(questions: ExpectedGain, count: int, n: int, answered: list[int]) -> tuple[list[int], list[float]]:
    asked = Asked.of_one(np.array(answered, dtype=np.int64), np.array([], dtype=np.int64))
    (items,), (scores,) = questions.choose(asked, np.ones((1, count), dtype=np.bool_), n)
    return items.tolist(), scores.tolist()


@given(seed=st.integers(0, 2**32 - 1), answers=st.integers(0, 4))
def test_scores_equal_the_gains_of_explicit_posteriors(seed: int, answers: int) -> None:
    generator = np.random.default_rng(seed)
    features, seen, noise = generator.normal(size=(8, 3)), generator.uniform(0.1, 0.9, 8), generator.uniform(0.3, 1, 8)
    answered = generator.permutation(8)[:answers].tolist()

    def log_variances(items: list[int]) -> NDArray[np.float64]:
        own = features[items]
        covariance = features @ np.linalg.inv(own.T @ (own / noise[items, None]) + np.eye(3)) @ features.T
        return np.asarray(0.5 * np.log(np.diagonal(covariance) + noise))

    left = [item for item in range(8) if item not in answered]
    weights, before = seen[left] / seen[left].sum(), log_variances(answered)[left]
    possible = weights @ (before - 0.5 * np.log(noise[left]))
    expected = {
        item: seen[item] * (weights @ (before - log_variances([*answered, item])[left])) / possible for item in left
    }
    layer = LastLayer(torch.tensor(features).float(), torch.tensor(noise).float())
    (first,), (score,) = choose(ExpectedGain(exposure(seen), layer), 8, 1, answered)
    assert score == pytest.approx(max(expected.values()), rel=1e-3)
    assert expected[first] == pytest.approx(score, rel=1e-3)


def test_screen_does_not_ask_about_twins() -> None:
    layer = LastLayer(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.9]]), torch.full((3,), 0.01))
    questions = ExpectedGain(exposure(np.full(3, 0.9)), layer)
    assert choose(questions, 3, 3, [])[0] == [0, 2, 1]


def test_questions_without_a_last_layer_are_about_what_is_most_probably_seen() -> None:
    questions = ExpectedGain(exposure(np.array([0.2, 0.7, 0.5])), None)
    items, scores = choose(questions, 3, 3, [])
    assert items == [1, 2, 0]
    np.testing.assert_allclose(scores, [0.7, 0.5, 0.2])
