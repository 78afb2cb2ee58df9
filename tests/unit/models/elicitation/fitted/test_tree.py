import numpy as np
import pytest
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.fitted.tree import QuestionTree, TreeConfig
from models.inputs.factorisation import FactorisationConfig
from tests.unit.models.elicitation.checkerboard import COLUMN, ITEMS, ROW, checkerboard

CONFIG = TreeConfig(ridge=1.0, factorisation=FactorisationConfig(rank=2, factor_ridge=1.0))
EVERYTHING: NDArray[np.bool_] = np.ones((1, ITEMS), dtype=np.bool_)


@pytest.fixture(scope="module")
def tree() -> QuestionTree:
    dataset = checkerboard()
    return QuestionTree(dataset, np.ones(len(dataset.ratings), dtype=np.bool_), CONFIG)


def after(*answers: tuple[int, bool | None]) -> Asked:
    """One user's answers: item, and whether the user likes it; None for an item that the user does not know."""
    liked = np.array([[like is True for _, like in answers]], dtype=np.bool_)
    known = np.array([[like is not None for _, like in answers]], dtype=np.bool_)
    items = np.array([[item for item, _ in answers]], dtype=np.int64)
    return Asked(items, known, np.ones_like(known), liked)


@pytest.mark.parametrize("like", [True, False])
def test_first_two_questions_are_those_that_decide(tree: QuestionTree, like: bool) -> None:
    ((first,),), _ = tree.choose(Asked.nothing(1), EVERYTHING, 1)
    ((second,),), _ = tree.choose(after((first, like)), EVERYTHING, 1)
    assert {int(first), int(second)} == {COLUMN, ROW}


def test_screen_holds_the_questions_after_unknown_answers(tree: QuestionTree) -> None:
    (screen,), (scores,) = tree.choose(Asked.nothing(1), EVERYTHING, 4)
    asked: list[tuple[int, bool | None]] = []
    for item in screen.tolist():
        ((following,),), _ = tree.choose(after(*asked) if asked else Asked.nothing(1), EVERYTHING, 1)
        assert following == item
        asked.append((item, None))
    assert scores.tolist() == [1.0, 0.75, 0.5, 0.25]


def test_questions_are_allowed_new_and_distinct_beyond_the_end_of_the_tree(tree: QuestionTree) -> None:
    allowed = EVERYTHING.copy()
    allowed[0, 5] = False
    (screen,), _ = tree.choose(after((COLUMN, True), (0, None)), allowed, 100)
    assert sorted(screen.tolist()) == sorted(set(range(ITEMS)) - {5, COLUMN, 0})


def test_questions_without_likes_raise_value_error(tree: QuestionTree) -> None:
    asked = Asked.of_one(np.array([1]), np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match="what users like"):
        tree.choose(asked, EVERYTHING, 1)
