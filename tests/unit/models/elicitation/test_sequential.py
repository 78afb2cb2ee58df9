import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.sequential import SequentialQuestions
from models.learners.base import LastLayer
from models.learners.exposure import Exposure

NOTHING: list[int] = []


def rows(*items: int) -> NDArray[np.int64]:
    return np.array(items, dtype=np.int64)


def chances(*values: float) -> Exposure:
    """An exposure with these P(seen), the same for all users and answers."""
    shares = np.array(values)
    return Exposure(np.log(shares / (1 - shares)), np.zeros((len(values), 1)))


def last_layer(
    features: list[list[float]] | NDArray[np.float64], noise: float | NDArray[np.float64] = 1.0
) -> LastLayer:
    rows = torch.tensor(np.array(features), dtype=torch.float32)
    return LastLayer(rows, torch.tensor(noise, dtype=torch.float32).expand(len(rows)))


def choose(
    questions: SequentialQuestions,
    count: int,
    *,
    n: int,
    answered: list[int] = NOTHING,
    skipped: list[int] = NOTHING,
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[list[int], list[float]]:
    """The questions to one user, and their scores."""
    asked = Asked.of_one(rows(*answered), rows(*skipped))
    (items,), (scores,) = questions.choose(
        asked, np.ones(count, dtype=np.bool_)[None] if allowed is None else allowed[None], n
    )
    return items.tolist(), scores.tolist()


TASTE, OTHERWISE = [1.0, 0.0], [0.0, 1.0]
TWO_TASTES = last_layer([[0.5, 0.1], OTHERWISE, [2.0, 0.0], [0.5, 0.0], [0.5, 0.0]])
"""People differ by one taste. Item 2 splits them; item 1 splits them too, but tells nothing about the others."""


class TestWorth:
    def test_first_question_is_about_the_item_that_splits_two_tastes(self) -> None:
        questions = SequentialQuestions(chances(*[0.5] * 5), np.ones(5), TWO_TASTES)
        assert choose(questions, 5, n=1)[0] == [2]

    def test_question_after_an_answer_is_not_about_its_twin(self) -> None:
        twins = last_layer([TASTE, TASTE, [0.0, 0.9]], noise=0.01)
        questions = SequentialQuestions(chances(0.9, 0.9, 0.9), np.ones(3), twins)
        assert choose(questions, 3, n=1, answered=[0])[0] == [2]
        assert choose(questions, 3, n=3)[0] == [0, 2, 1]

    def test_question_after_a_skip_is_about_the_twin(self) -> None:
        twins = last_layer([TASTE, TASTE, [0.0, 0.9]], noise=0.01)
        questions = SequentialQuestions(chances(0.9, 0.9, 0.9), np.ones(3), twins)
        assert choose(questions, 3, n=1, skipped=[0])[0] == [1]

    def test_question_is_not_about_an_item_that_users_have_not_seen(self) -> None:
        questions = SequentialQuestions(chances(0.5, 0.5, 0.01, 0.5, 0.5), np.ones(5), TWO_TASTES)
        assert choose(questions, 5, n=4)[0][-1] != 2
        assert choose(questions, 5, n=5)[0][-1] == 2

    def test_questions_after_skips_are_about_items_of_another_audience(self) -> None:
        exposure = Exposure(np.zeros(4), np.array([[3.0], [3.0], [-3.0], [-3.0]]))
        questions = SequentialQuestions(exposure, np.ones(4), None)
        assert choose(questions, 4, n=1, skipped=[0])[0] == [2]
        assert choose(questions, 4, n=1, answered=[0])[0] == [1]

    def test_questions_without_a_last_layer_follow_the_entropy(self) -> None:
        questions = SequentialQuestions(chances(0.5, 0.5, 0.25), np.array([0.5, 1.0, 2.0]), None)
        items, scores = choose(questions, 3, n=3)
        assert items == [1, 0, 2]
        np.testing.assert_allclose(scores, [0.25 * 0.5, 0.25 * 0.25, 0.0625 * 1.0])

    @given(seed=st.integers(0, 2**32 - 1), answers=st.integers(0, 5))
    def test_scores_equal_the_variances_of_explicit_posteriors(self, seed: int, answers: int) -> None:
        generator = np.random.default_rng(seed)
        features, seen = generator.normal(size=(9, 4)), generator.uniform(0.1, 0.9, 9)
        noise = generator.uniform(0.3, 1.5, 9)
        answered = generator.permutation(9)[:answers].tolist()

        def variances(items: list[int]) -> NDArray[np.float64]:
            asked_features = features[items]
            return np.diagonal(
                features
                @ np.linalg.inv(asked_features.T @ (asked_features / noise[items, None]) + np.eye(4))
                @ features.T
            )

        left = [item for item in range(9) if item not in answered]
        weights = seen[left] / seen[left].sum()
        before = variances(answered)[left]
        expected = {
            item: seen[item] ** 2 * (weights @ (before - variances([*answered, item])[left])) / (weights @ before)
            for item in left
        }
        questions = SequentialQuestions(chances(*seen), np.ones(9), last_layer(features, noise))
        (first,), (score,) = choose(questions, 9, n=1, answered=answered)
        assert score == pytest.approx(max(expected.values()), rel=1e-3)
        assert expected[first] == pytest.approx(score, rel=1e-3)


def random_questions(generator: np.random.Generator, count: int, *, solved: bool) -> SequentialQuestions:
    exposure = Exposure(generator.normal(-1.0, 1.0, count), generator.normal(size=(count, 2)))
    layer = last_layer(generator.normal(size=(count, 3))) if solved else None
    return SequentialQuestions(exposure, generator.uniform(0.0, 1.5, count), layer)


@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), n=st.integers(1, 40), solved=st.booleans(), data=st.data()
)
def test_questions_are_allowed_new_distinct_and_in_falling_order(
    seed: int, count: int, n: int, solved: bool, data: st.DataObject
) -> None:
    generator = np.random.default_rng(seed)
    questions = random_questions(generator, count, solved=solved)
    allowed = generator.random(count) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    asked = generator.permutation(count)[: data.draw(st.integers(0, count))].tolist()
    half = len(asked) // 2

    def draw() -> tuple[list[int], list[float]]:
        return choose(questions, count, n=n, answered=asked[:half], skipped=asked[half:], allowed=allowed)

    items, scores = draw()
    left = set(np.flatnonzero(allowed).tolist()) - set(asked)
    assert set(items) <= left
    assert len(set(items)) == len(items) == min(n, len(left))
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert draw() == (items, scores)


@pytest.mark.parametrize("solved", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
def test_questions_of_a_batch_equal_those_of_one_user_at_a_time(seed: int, solved: bool) -> None:
    generator = np.random.default_rng(seed)
    questions = random_questions(generator, 30, solved=solved)
    items = np.stack([generator.permutation(30)[:6] for _ in range(4)])
    mask = np.arange(6) < generator.integers(0, 7, 4)[:, None]
    answered = (generator.random((4, 6)) < 0.5) & mask
    allowed = generator.random((4, 30)) < 0.8
    chosen, scores = questions.choose(Asked(items, answered, mask), allowed, 3)
    for user in range(4):
        asked_alone = Asked(items[user : user + 1], answered[user : user + 1], mask[user : user + 1])
        alone, alone_scores = questions.choose(asked_alone, allowed[user : user + 1], 3)
        assert alone.tolist() == chosen[user : user + 1].tolist()
        np.testing.assert_allclose(alone_scores, scores[user : user + 1], rtol=1e-4)
