from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from models.inputs.rows import TensorRows
from models.learners.pieces import ScoresInPieces


@dataclass(frozen=True)
class Values(TensorRows):
    value: Tensor


ITEMS = Values(torch.arange(5.0))
USERS = Values(torch.tensor([10.0, 20.0]))


@pytest.mark.parametrize(
    ("rows", "expected", "sizes"),
    [(None, [0.0, 1.0, 2.0, 3.0, 4.0], [2, 2, 1]), ([4, 0, 1], [4.0, 0.0, 1.0], [2, 1]), ([], [], [0])],
)
def test_scores_of_all_pieces_are_in_the_order_of_the_rows(
    rows: list[int] | None, expected: list[float], sizes: list[int]
) -> None:
    seen = []

    def means(adapted: Tensor, users: Values, items: Values) -> Tensor:
        seen.append(items.value.shape[1])
        return adapted + users.value.unsqueeze(1) + items.value

    scorer = ScoresInPieces(means, ITEMS, rows_at_once=2)
    chosen = None if rows is None else torch.tensor(rows, dtype=torch.int64)
    scores = scorer.scores(torch.tensor([[0.5], [0.25]]), USERS, chosen)
    assert scores.tolist() == [[10.5 + value for value in expected], [20.25 + value for value in expected]]
    assert seen == sizes
