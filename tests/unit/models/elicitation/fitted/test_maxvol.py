from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.elicitation.fitted.maxvol import maximum_volume_rows, maxvol_questions
from tests.unit.models.tiny_data import tiny_dataset


def test_longest_independent_rows_are_chosen_the_longest_first() -> None:
    factors = np.array([[1.0, 0.1], [5.0, 0.0], [4.9, 0.1], [0.0, 2.0]])
    assert maximum_volume_rows(factors).tolist() == [1, 3]


@given(seed=st.integers(0, 2**32 - 1))
def test_volume_is_nearly_the_largest_of_all_sets(seed: int) -> None:
    factors = np.random.default_rng(seed).normal(size=(9, 3))
    largest = max(abs(np.linalg.det(factors[list(rows)])) for rows in combinations(range(9), 3))
    chosen = maximum_volume_rows(factors)
    assert len(set(chosen.tolist())) == 3
    # No swap helps, by which the volume is within rank^(rank/2) of the largest (Goreinov et al. 2010).
    assert abs(np.linalg.det(factors[chosen])) * 1.01**3 * 3**1.5 >= largest


def test_questions_are_about_one_item_of_each_kind() -> None:
    """Users rate items 0 to 2 alike and items 3 to 5 alike; items 1 and 4 are rated by all."""
    ratings = [
        (user, item, 5.0 if (item < 3) == (user % 2 == 0) else 1.0)
        for user in range(12)
        for item in range(6)
        if item in (1, 4) or (user + item) % 3
    ]
    dataset = tiny_dataset(ratings, users=12, items=6)
    questions = maxvol_questions(dataset, np.ones(len(ratings), dtype=np.bool_), rank=2)
    assert set(np.argsort(-questions.scores)[:2].tolist()) == {1, 4}
