"""Meta-SGD (Li et al. 2017): gradient steps with one learned rate for each parameter."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from models.learners.base import LearnerParts
from models.learners.gradient_steps import GradientSteps, GradientStepsConfig
from models.learners.inner_loop import GradientDescent
from models.learners.search_space import Between, SearchSpace


class MetaSGDConfig(GradientStepsConfig):
    """The choices of Meta-SGD.

    Attributes:
        rate: Initial local learning rate α of every parameter (the paper draws it at random).
        second_order: Whether the outer gradient flows through the local gradients, as in the paper.
    """

    kind: Literal["meta_sgd"] = "meta_sgd"
    rate: Annotated[float, Field(gt=0)] = 0.02
    second_order: bool = True

    search_space: ClassVar[SearchSpace] = {
        **GradientStepsConfig.search_space,
        "learner.rate": Between(low=1e-3, high=0.1),
    }

    def build(self, parts: LearnerParts) -> "MetaSGD":
        """The learner."""
        return MetaSGD(parts, self)


class MetaSGD(GradientSteps):
    """`θ^i ← θ^i − α ∘ ∇L_i(θ^i)` with a learned tensor α shaped like θ (eq. 2; the paper takes one step).

    Attributes:
        log_rates: Logarithms of α, in the order of `adapted_parameters`. They keep the rates positive, and let Adam
            change small and large rates by the same factor. The paper has no logarithms.
    """

    def __init__(self, parts: LearnerParts, config: MetaSGDConfig) -> None:
        super().__init__(parts, config, second_order=config.second_order)
        self.log_rates = nn.ParameterList(
            nn.Parameter(torch.full_like(value, config.rate).log()) for value in self.adapted_parameters().values()
        )

    def rule(self) -> GradientDescent:
        """Gradient descent with a rate for each parameter."""
        names = self.adapted_parameters()
        return GradientDescent({name: rates.exp() for name, rates in zip(names, self.log_rates, strict=True)})
