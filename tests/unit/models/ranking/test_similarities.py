import numpy as np

from models.ranking.similarities import cosines


def test_cosines_of_a_row_of_zeros_are_zero() -> None:
    np.testing.assert_allclose(
        cosines(np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])),
        [[1, np.sqrt(0.5), 0], [np.sqrt(0.5), 1, 0], [0, 0, 0]],
    )
