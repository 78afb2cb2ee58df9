import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.ranking.best import best_places


@given(rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30), n=st.integers(0, 40))
def test_best_places_equal_the_beginning_of_a_sorted_list(rows: list[tuple[int, int]], n: int) -> None:
    scores, counts = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.zeros(0), np.zeros(0))
    expected = sorted(range(len(rows)), key=lambda place: (-rows[place][0], -rows[place][1], place))[:n]
    assert best_places(scores.astype(np.float32), counts.astype(np.int64), n).tolist() == expected
