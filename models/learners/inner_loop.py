"""The inner loop: a few steps on each user's support loss, for any parameters, any loss and any step rule.

This is the plain form of every gradient-based local update in this project (MAML, Finn et al., ICML 2017, algorithm 1):

    θ^i ← θ^i + rule(∇_{θ^i} L_i(θ^i)),   k times, from θ

Read this module first. `models.learners.low_rank_update` computes the same for one special case, faster.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

Parameters = dict[str, Tensor]
"""Parameters by name; behind `inner_loop`, each has the users as its first dimension."""

StateT = TypeVar("StateT")
DataT = TypeVar("DataT")


class StepRule(Protocol, Generic[StateT]):
    """Turns the gradient of one user's support loss into a change of the parameters.

    A rule with fixed rates has no state. A learned optimiser keeps one, such as the hidden state of an LSTM.
    """

    def start(self, parameters: Parameters) -> StateT:
        """The state before the first step."""

    def __call__(self, gradients: Parameters, state: StateT) -> tuple[Parameters, StateT]:
        """The change of each parameter, and the next state."""


class GradientDescent:
    """`−α ∘ ∇`: one rate for all parameters (MAML), or one tensor of rates for each (Meta-SGD, Li et al. 2017, eq. 2).

    Attributes:
        rates: α, a scalar, or tensors that broadcast to the parameters, by name.
    """

    def __init__(self, rates: Tensor | Parameters) -> None:
        self.rates = rates

    def start(self, parameters: Parameters) -> None:
        """No state."""

    def __call__(self, gradients: Parameters, state: None) -> tuple[Parameters, None]:
        """Step against the gradient."""
        rates = self.rates if isinstance(self.rates, dict) else dict.fromkeys(gradients, self.rates)
        return {name: -rates[name] * gradient for name, gradient in gradients.items()}, state


def inner_loop(
    loss: Callable[[Parameters, DataT], Tensor],
    parameters: Parameters,
    users: DataT,
    rule: StepRule[StateT],
    *,
    steps: int,
    second_order: bool,
    at_step: Callable[[DataT, int], DataT] | None = None,
) -> Parameters:
    """Adapt parameters to each of B users.

    Args:
        loss: The support loss of one user, a scalar, given the adapted parameters and the user's data. Parameters that
            are not adapted are part of the function.
        parameters: θ, the adapted parameters before adaptation, shared by all users.
        users: The users' data: a tensor, or a tuple or dict of tensors, each with B as its first dimension.
        rule: The step rule.
        steps: k; 0 gives θ for every user.
        second_order: Whether the outer gradient flows through the inner gradients. First order treats them as constants
            (FOMAML), but still flows through what the rule does with them, such as learned rates.
        at_step: One user's data and the number of a step, from 0 → the data of that step, for stochastic gradient
            descent. By default, every step sees all data.

    Returns:
        θ^i of every user.
    """

    def adapt_one(user: DataT) -> Parameters:
        adapted, state = parameters, rule.start(parameters)
        for step in range(steps):
            gradients = torch.func.grad(loss)(adapted, user if at_step is None else at_step(user, step))
            if not second_order:
                gradients = {name: gradient.detach() for name, gradient in gradients.items()}
            changes, state = rule(gradients, state)
            adapted = {name: adapted[name] + changes[name] for name in adapted}
        return adapted

    return torch.vmap(adapt_one)(users)
