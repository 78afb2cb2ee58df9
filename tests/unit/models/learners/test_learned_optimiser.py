import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.learners.inner_loop import GradientDescent, Parameters, StepRule, inner_loop
from models.learners.learned_optimiser import CoordinatewiseLSTM

DIMENSIONS, STEPS = 4, 10

Quadratics = tuple[Tensor, Tensor]
"""Matrices and vectors of functions `|W θ − y|²`, one for each user."""


def quadratics(count: int, generator: torch.Generator) -> Quadratics:
    """Functions that are much steeper in some directions than in others."""
    stretch = torch.tensor([2.0, 1.0, 0.5, 0.25])
    matrices = torch.eye(DIMENSIONS) + 0.1 * torch.randn(count, DIMENSIONS, DIMENSIONS, generator=generator)
    return matrices * stretch, torch.randn(count, DIMENSIONS, generator=generator)


def value(parameters: Parameters, function: Quadratics) -> Tensor:
    matrix, vector = function
    return (matrix @ parameters["θ"] - vector).square().sum()


def values_after(rule: StepRule[Any], functions: Quadratics) -> Tensor:
    """The mean value after the steps, from θ = 0."""
    start = {"θ": torch.zeros(DIMENSIONS)}
    adapted = inner_loop(value, start, functions, rule, steps=STEPS, second_order=False)
    return torch.vmap(value)(adapted, functions).mean()


def lstm(units: int = 10) -> CoordinatewiseLSTM:
    torch.manual_seed(0)
    return CoordinatewiseLSTM(units=units, output_scale=0.1, preprocessing=10.0)


def test_optimiser_trained_for_a_moment_beats_gradient_descent_with_any_rate_on_new_quadratics() -> None:
    generator, rule = torch.Generator().manual_seed(0), lstm()
    adam = torch.optim.Adam(rule.parameters(), lr=0.02)
    for _ in range(150):
        adam.zero_grad()
        values_after(rule, quadratics(32, generator)).backward()
        adam.step()
    new = quadratics(200, generator)
    with torch.no_grad():
        rates = torch.logspace(-3, 0, 13)
        best = min(values_after(GradientDescent(rate), new).item() for rate in rates)
        assert values_after(rule, new).item() < 0.8 * best


def test_untrained_optimiser_changes_nothing() -> None:
    functions = quadratics(3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(values_after(lstm(), functions), functions[1].square().sum(dim=1).mean())


def trained_a_little() -> CoordinatewiseLSTM:
    rule = lstm(units=3)
    with torch.no_grad():
        rule.output.weight.fill_(1.0)
        rule.output.bias.fill_(1.0)
    return rule


def test_steps_equal_those_of_torchs_lstm_at_each_coordinate() -> None:
    rule, cell = trained_a_little(), torch.nn.LSTMCell(2, 3)
    # torch orders the gates input, forget, candidate, output, and has a bias too many.
    weights, bias = rule.gates.weight.view(4, 3, 5)[[0, 1, 3, 2]], rule.gates.bias.view(4, 3)[[0, 1, 3, 2]]
    with torch.no_grad():
        cell.weight_ih.copy_(weights[:, :, :2].reshape(12, 2))
        cell.weight_hh.copy_(weights[:, :, 2:].reshape(12, 3))
        cell.bias_ih.copy_(bias.reshape(12))
        cell.bias_hh.zero_()
    gradients = {"a": torch.tensor([[0.5, -2.0]]), "b": torch.tensor([1e-6])}
    inputs = torch.tensor([[math.log(0.5) / 10, 1.0], [math.log(2.0) / 10, -1.0], [-1.0, math.exp(10) * 1e-6]])
    hidden, memory = torch.zeros(3, 3), torch.zeros(3, 3)
    state = rule.start(gradients)
    for _ in range(2):
        changes, state = rule(gradients, state)
        hidden, memory = cell(inputs, (hidden, memory))
        expected = 0.1 * (hidden.sum(dim=1) + 1.0)
        torch.testing.assert_close(changes["a"], expected[:2].view(1, 2))
        torch.testing.assert_close(changes["b"], expected[2:])


@pytest.mark.parametrize(("gradients", "changes"), [([0.0, 0.0], False), ([0.0, 0.1], True)])
def test_parameters_stay_where_all_gradients_are_0(gradients: list[float], changes: bool) -> None:
    rule = trained_a_little()
    step, _ = rule({"θ": torch.tensor(gradients)}, rule.start({"θ": torch.zeros(2)}))
    assert bool(step["θ"].any()) is changes
