"""Learned rates of the local update: one for each number of the adapted parameters (Meta-SGD, Li et al. 2017)."""

import torch
from torch import nn

from models.learners.inner_loop import GradientDescent, Parameters


class ParameterRates(nn.ParameterDict):
    """Logarithms of the rates, by the names of the adapted parameters.

    Logarithms keep the rates positive, and let Adam change small and large rates by the same factor. The paper has no
    logarithms.
    """

    def __init__(self, parameters: Parameters, rate: float) -> None:
        """Begin with the same rate for all parameters."""
        # A key of a module must not have a dot.
        super().__init__(
            {
                name.replace(".", "-"): nn.Parameter(torch.full_like(value, rate).log())
                for name, value in parameters.items()
            }
        )

    def descent(self) -> GradientDescent:
        """Gradient descent with the present rates."""
        return GradientDescent({name.replace("-", "."): rates.exp() for name, rates in self.items()})
