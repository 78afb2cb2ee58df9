"""Learned rates of the local update in low-rank form: products of a rate of the output unit and one of the input."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from models.learners.low_rank_update import LayerRates


def log_rates(layers: Sequence[nn.Linear], rate: float, *, learned: bool) -> tuple[nn.ParameterList, nn.ParameterList]:
    """Logarithms of the local rates of linear layers, which keep learned rates positive.

    Args:
        layers: The layers.
        rate: Initial rate of all weights and biases.
        learned: Whether the rates are trained.

    Returns:
        For each layer the logarithms of the rates of its output units, and those of its inputs and, last, of its bias.
        A weight's rate is the product of its output's and its input's rate.
    """
    outputs = [torch.full((layer.out_features,), rate).log() for layer in layers]
    inputs = [torch.zeros(layer.in_features + 1) for layer in layers]
    return _parameters(outputs, learned=learned), _parameters(inputs, learned=learned)


def rates_of(log_outputs: Iterable[Tensor], log_inputs: Iterable[Tensor]) -> list[LayerRates]:
    """The rates of each layer."""
    return [
        LayerRates(outputs.exp(), *inputs.exp().tensor_split([-1]))
        for outputs, inputs in zip(log_outputs, log_inputs, strict=True)
    ]


def _parameters(values: list[Tensor], *, learned: bool) -> nn.ParameterList:
    return nn.ParameterList(nn.Parameter(value, requires_grad=learned) for value in values)
