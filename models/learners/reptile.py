"""Reptile (Nichol, Achiam & Schulman 2018): move the weights towards those that local steps lead to."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from models.learners.base import LearnerParts, Objective, OuterBatch
from models.learners.gradient_steps import GradientSteps, GradientStepsConfig, UserData
from models.learners.inner_loop import GradientDescent
from models.learners.search_space import LOCAL_RATES, SearchSpace


class ReptileConfig(GradientStepsConfig):
    """The choices of Reptile.

    Attributes:
        steps: Local steps k. With one step the outer update is that of joint training (§2 of the paper).
        rate: Local learning rate α; it is not learned.
    """

    kind: Literal["reptile"] = "reptile"
    steps: Annotated[int, Field(ge=1)] = 5
    rate: Annotated[float, Field(gt=0)] = 0.02

    search_space: ClassVar[SearchSpace] = {
        **GradientStepsConfig.search_space,
        "learner.rate": LOCAL_RATES,
    }

    def build(self, parts: LearnerParts) -> "Reptile":
        """The learner."""
        return Reptile(parts, self)


class Reptile(GradientSteps):
    """`θ ← θ + ε · mean_i(θ^i − θ)` with θ^i after k steps of stochastic gradient descent (algorithm 1, in batches).

    In training, each of the k steps takes another part of a user's ratings, so that every rating is used once. In
    serving, all k steps take the whole support set, so its order does not count.

    Attributes:
        rate: α, a scalar.
    """

    rate: Tensor

    def __init__(self, parts: LearnerParts, config: ReptileConfig) -> None:
        super().__init__(parts, config, second_order=False)
        self.register_buffer("rate", torch.tensor(config.rate), persistent=False)

    def rule(self) -> GradientDescent:
        """Gradient descent with one rate."""
        return GradientDescent(self.rate)

    def outer_update(self, batch: OuterBatch, objective: Objective) -> Tensor:
        """The mean change of the adapted parameters; the optimiser takes it for a gradient, as the paper suggests.

        The other parameters have the gradient of the objective: the head's, and the embeddings if only the decision
        layers are adapted.
        """
        loss = objective(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        with torch.no_grad():
            steps = self.config.steps
            adapted = self.local_steps(batch.all_ratings(), steps, at_step=lambda user, step: _part(user, step, steps))
            shares = batch.own_shares
            for name, parameter in self.adapted_parameters().items():
                parameter.grad = shares.sum() * parameter - torch.tensordot(shares, adapted[name], dims=1)
        return loss.detach()


def _part(user: UserData, step: int, steps: int) -> UserData:
    """The ratings of one step: every k-th one, with another first one in each step."""
    mask = user["mask"]
    is_of_step = (mask.cumsum(dim=0) - 1) % steps == step
    return {**user, "mask": mask * is_of_step}
