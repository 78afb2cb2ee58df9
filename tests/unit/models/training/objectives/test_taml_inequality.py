import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from models.metrics.inequality import INEQUALITIES
from models.training.objectives.taml_inequality import InequalityMeasure, TAMLInequalityConfig


@dataclass(frozen=True)
class FixedLosses:
    """A batch whose losses are given; the support losses are those before the local update."""

    losses: Tensor
    before: Tensor
    has_support: Tensor
    weights: Tensor

    def query_losses(self) -> Tensor:
        return self.losses

    def support_losses(self, *, steps: int) -> Tensor:
        assert steps == 0
        return self.before


def batch(before: list[float], has_support: list[bool] | None = None) -> FixedLosses:
    """Users with these support losses, whose query losses are 1, 2, …, with the weights 1, 2, …"""
    losses = torch.arange(1.0, len(before) + 1)
    supported = torch.ones(len(before), dtype=torch.bool) if has_support is None else torch.tensor(has_support)
    return FixedLosses(losses, torch.tensor(before, requires_grad=True), supported, losses)


def test_taml_inequality_of_two_users_is_the_one_computed_by_hand() -> None:
    theil = (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 2
    loss = TAMLInequalityConfig(weight=0.3).loss(batch([1.0, 3.0]))
    assert loss.item() == pytest.approx((1 + 4) / 3 + 0.3 * theil)


@pytest.mark.parametrize("measure", InequalityMeasure)
def test_taml_measure_has_the_name_and_defaults_of_the_reports_measure(measure: InequalityMeasure) -> None:
    losses = [0.5, 1.0, 4.0]
    query_loss = (1 + 4 + 9) / 6
    loss = TAMLInequalityConfig(measure=measure, weight=1.0).loss(batch(losses))
    assert loss.item() - query_loss == pytest.approx(INEQUALITIES[measure].of(torch.tensor(losses)).item(), rel=1e-4)


@pytest.mark.parametrize("choices", [{"a": 1.0}, {"a": -1.0}], ids=str)
def test_taml_generalised_entropy_takes_its_order(choices: dict[str, float]) -> None:
    losses = [
        TAMLInequalityConfig(measure=InequalityMeasure.GENERALISED_ENTROPY, weight=1.0, **given).loss(batch([1.0, 3.0]))
        for given in ({}, choices)
    ]
    assert losses[0].item() != pytest.approx(losses[1].item(), rel=1e-3)


@pytest.mark.parametrize("measure", InequalityMeasure)
def test_taml_user_without_support_ratings_does_not_count(measure: InequalityMeasure) -> None:
    config = TAMLInequalityConfig(measure=measure, weight=1.0)
    with_empty = batch([1.0, 3.0, 0.0], [True, True, False])
    loss = config.loss(with_empty)
    loss.backward()
    alone = config.loss(batch([1.0, 3.0]))
    assert loss.item() - 14 / 6 == pytest.approx(alone.item() - 5 / 3, rel=1e-5)
    assert with_empty.before.grad.isfinite().all()
    assert with_empty.before.grad[2] == 0


@pytest.mark.parametrize("measure", InequalityMeasure)
def test_taml_without_any_support_rating_is_the_query_loss(measure: InequalityMeasure) -> None:
    empty = batch([0.0, 0.0], [False, False])
    loss = TAMLInequalityConfig(measure=measure, weight=1.0).loss(empty)
    loss.backward()
    assert loss.item() == pytest.approx(5 / 3)
    assert empty.before.grad.isfinite().all()
