"""A learned optimiser: a small LSTM makes the local steps (Andrychowicz et al., NIPS 2016)."""

import math
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from models.learners.base import LearnerParts
from models.learners.gradient_steps import Adapted, GradientSteps, GradientStepsConfig
from models.learners.inner_loop import Parameters
from models.learners.network import zero_linear


class LearnedOptimiserConfig(GradientStepsConfig):
    """The choices of the learned optimiser.

    Attributes:
        hidden: Widths of the hidden decision layers. The costs grow with the number of adapted parameters.
        adapted: Which parameters are adapted; by default the decision layers.
        steps: Local steps k.
        units: Hidden units of the LSTM (the paper: two layers of 20).
        output_scale: Multiplies the LSTM's outputs, which then change the parameters (the paper: .1).
        preprocessing: p of the preprocessed gradients (the paper: 10).
    """

    kind: Literal["learned_optimiser"] = "learned_optimiser"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (32, 32)
    adapted: Adapted = Adapted.DECISION
    steps: Annotated[int, Field(ge=1)] = 3
    units: Annotated[int, Field(ge=1)] = 8
    output_scale: Annotated[float, Field(gt=0)] = 0.1
    preprocessing: Annotated[float, Field(gt=0)] = 10.0

    def build(self, parts: LearnerParts) -> "LearnedOptimiser":
        """The learner."""
        return LearnedOptimiser(parts, self)


class LSTMState(NamedTuple):
    """The state of the LSTM at n coordinates.

    Attributes:
        hidden: float32 [n, units].
        cell: float32 [n, units].
    """

    hidden: Tensor
    cell: Tensor


class CoordinatewiseLSTM(nn.Module):
    """A step rule: `[g_t; h_t] = LSTM(∇_t, h_{t−1}; φ)`, θ_t = θ_{t−1} + g_t.

    The same LSTM runs at every coordinate of the parameters, each with a state of its own (§2.1 of the paper). Its
    inputs are gradients that are preprocessed as in the paper's appendix A: `(log|∇|/p, sgn ∇)` if |∇| ≥ e^−p, and
    `(−1, e^p ∇)` below. The output weights begin at 0, so an untrained rule changes nothing. A user without ratings has
    a gradient of 0 at all coordinates; then the rule changes nothing either.

    The paper has two layers of 20 units. This is one layer, because a recommender takes few local steps.
    """

    def __init__(self, *, units: int, output_scale: float, preprocessing: float) -> None:
        super().__init__()
        self.output_scale = output_scale
        self.preprocessing = preprocessing
        self.gates = nn.Linear(2 + units, 4 * units)
        self.output = zero_linear(units, 1)

    def start(self, parameters: Parameters) -> LSTMState:
        """A state of 0 at every coordinate."""
        some = next(iter(parameters.values()))
        zeros = some.new_zeros(sum(value.numel() for value in parameters.values()), self.output.in_features)
        return LSTMState(zeros, zeros)

    def forward(self, gradients: Parameters, state: LSTMState) -> tuple[Parameters, LSTMState]:
        """The change of each parameter, and the next state."""
        flat = torch.cat([gradient.flatten() for gradient in gradients.values()])
        gates = self.gates(torch.cat([self._preprocessed(flat), state.hidden], dim=-1))
        # The order of the gates: input, forget, output, candidate.
        opening, candidate = gates.split([3 * state.hidden.shape[-1], state.hidden.shape[-1]], dim=-1)
        entering, kept, shown = opening.sigmoid().chunk(3, dim=-1)
        cell = kept * state.cell + entering * candidate.tanh()
        hidden = shown * cell.tanh()
        changes = self.output(hidden).squeeze(-1) * self.output_scale * flat.any()
        pieces = changes.split([gradient.numel() for gradient in gradients.values()])
        shaped = {name: piece.view_as(gradients[name]) for name, piece in zip(gradients, pieces, strict=True)}
        return shaped, LSTMState(hidden, cell)

    def _preprocessed(self, gradients: Tensor) -> Tensor:
        """float32 [n] → [n, 2]."""
        size, p = gradients.abs(), self.preprocessing
        is_large = size >= math.exp(-p)
        logs = size.clamp(min=math.exp(-p)).log() / p
        return torch.stack(
            [torch.where(is_large, logs, -1.0), torch.where(is_large, gradients.sign(), gradients * math.exp(p))],
            dim=-1,
        )


class LearnedOptimiser(GradientSteps):
    """The local steps are those of a learned optimiser.

    The outer loss is the query loss after the last step. In the paper's `Σ_t w_t L(θ_t)`, the other w_t are 0. As in
    the paper, the gradients that go into the LSTM count as constants. Unlike in the paper, the initial parameters θ are
    learned too.

    Attributes:
        optimiser: The step rule, with weights φ.
    """

    def __init__(self, parts: LearnerParts, config: LearnedOptimiserConfig) -> None:
        super().__init__(parts, config, second_order=False)
        self.optimiser = CoordinatewiseLSTM(
            units=config.units, output_scale=config.output_scale, preprocessing=config.preprocessing
        )

    def rule(self) -> CoordinatewiseLSTM:
        """The LSTM."""
        return self.optimiser
