"""MAML (Finn et al., ICML 2017): gradient steps on all parameters, embeddings included."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from models.learners.base import LearnerParts
from models.learners.gradient_steps import GradientSteps, GradientStepsConfig
from models.learners.inner_loop import GradientDescent
from models.learners.search_space import LOCAL_RATES, SearchSpace


class MAMLConfig(GradientStepsConfig):
    """The choices of MAML.

    Attributes:
        rate: Local learning rate α, the same for all parameters; it is not learned.
        second_order: Whether the outer gradient flows through the local gradients; false is FOMAML (§5.2 of the paper).
    """

    kind: Literal["maml"] = "maml"
    rate: Annotated[float, Field(gt=0)] = 0.02
    second_order: bool = True

    paper: ClassVar[dict[str, Any]] = {"steps": 5, "rate": 0.01}

    search_space: ClassVar[SearchSpace] = {
        **GradientStepsConfig.search_space,
        "learner.rate": LOCAL_RATES,
    }

    def build(self, parts: LearnerParts) -> "MAML":
        """The learner."""
        return MAML(parts, self)


class MAML(GradientSteps):
    """`θ^i ← θ^i − α ∇L_i(θ^i)`, k times (algorithm 1).

    Attributes:
        rate: α, a scalar.
    """

    rate: Tensor

    def __init__(self, parts: LearnerParts, config: MAMLConfig) -> None:
        super().__init__(parts, config, second_order=config.second_order)
        self.register_buffer("rate", torch.tensor(config.rate), persistent=False)

    def rule(self) -> GradientDescent:
        """Gradient descent with one rate."""
        return GradientDescent(self.rate)
