import pytest
import torch

from models.meta.objectives import query_loss


def test_users_weigh_the_same_whatever_the_number_of_their_ratings() -> None:
    predictions = torch.tensor([[1.0, 3.0], [2.0, 9.0]])
    ratings = torch.tensor([[2.0, 5.0], [5.0, 0.0]])
    mask = torch.tensor([[True, True], [True, False]])
    # ((1² + 2²)/2 + 3²/1) / 2
    assert query_loss(predictions, ratings, mask).item() == pytest.approx((2.5 + 9.0) / 2)


def test_padding_gets_no_gradient() -> None:
    predictions = torch.tensor([[1.0, 7.0]], requires_grad=True)
    query_loss(predictions, torch.tensor([[2.0, 0.0]]), torch.tensor([[True, False]])).backward()
    assert predictions.grad is not None
    assert predictions.grad.tolist() == [[-2.0, 0.0]]
