import numpy as np
import pytest

from models.elicitation.asked import Asked
from models.elicitation.fitted.information_gain import InformationGain, InformationGainConfig
from tests.unit.models.elicitation.checkerboard import COLUMN, ITEMS, ROW, checkerboard

EVERYTHING = np.ones((1, ITEMS), dtype=np.bool_)


@pytest.fixture(scope="module")
def strategy() -> InformationGain:
    dataset = checkerboard()
    training = np.ones(len(dataset.ratings), dtype=np.bool_)
    return InformationGain(dataset, training, InformationGainConfig(clusters=4, pseudo_count=1e-3))


@pytest.mark.parametrize("like", [True, False])
def test_first_two_questions_are_those_that_decide(strategy: InformationGain, like: bool) -> None:
    ((first,),), ((score,),) = strategy.choose(Asked.nothing(1), EVERYTHING, 1)
    yes = np.ones((1, 1), dtype=np.bool_)
    ((second,),), _ = strategy.choose(Asked(np.array([[first]]), yes, yes, yes & like), EVERYTHING, 1)
    assert {int(first), int(second)} == {COLUMN, ROW}
    # Each of the two halves four equal clusters: one bit of two.
    assert score == pytest.approx(0.5, abs=0.02)


def test_questions_are_allowed_new_and_distinct(strategy: InformationGain) -> None:
    allowed = EVERYTHING.copy()
    allowed[0, 5] = False
    (screen,), (scores,) = strategy.choose(Asked.nothing(1), allowed, 100)
    assert sorted(screen.tolist()) == sorted(set(range(ITEMS)) - {5})
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_questions_without_likes_raise_value_error(strategy: InformationGain) -> None:
    asked = Asked.of_one(np.array([1]), np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match="what users like"):
        strategy.choose(asked, EVERYTHING, 1)
