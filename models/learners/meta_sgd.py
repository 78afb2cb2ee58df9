"""Meta-SGD (Li et al. 2017): gradient steps with one learned rate for each parameter."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.learners.base import LearnerParts
from models.learners.gradient_steps import GradientSteps, GradientStepsConfig
from models.learners.inner_loop import GradientDescent
from models.learners.parameter_rates import ParameterRates
from models.learners.search_space import LOCAL_RATES, SearchSpace


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
        "learner.rate": LOCAL_RATES,
    }

    def build(self, parts: LearnerParts) -> "MetaSGD":
        """The learner."""
        return MetaSGD(parts, self)


class MetaSGD(GradientSteps):
    """`θ^i ← θ^i − α ∘ ∇L_i(θ^i)` with a learned tensor α shaped like θ (eq. 2; the paper takes one step).

    Attributes:
        log_rates: Logarithms of α.
    """

    def __init__(self, parts: LearnerParts, config: MetaSGDConfig) -> None:
        super().__init__(parts, config, second_order=config.second_order)
        self.log_rates = ParameterRates(self.adapted_parameters(), config.rate)

    def rule(self) -> GradientDescent:
        """Gradient descent with a rate for each parameter."""
        return self.log_rates.descent()
