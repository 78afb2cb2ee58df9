"""MeLU's local update in low-rank form: gradient steps on the decision layers for many users at once.

This is an optimisation of the plain loop in `models.learners.inner_loop`, for linear layers with ReLU, the squared
error and rates that do not change from step to step. `tests/unit/models/learners/test_inner_loop.py` proves that both
give the same predictions and outer gradients. Training, evaluation and serving all use it.

The first decision layer is by far the largest, and its inputs are the same at every step. So no user's first layer is
ever built. With rates that factorise, `α = r_out r_inᵀ`, the layer's outputs for any inputs X_q after the steps are

    X_q W'ᵀ = X_q Wᵀ − (X_q diag(r_in) Xᵀ) A,   A = n/(n + c) Σ_t Δ_t diag(r_out)

where X are the support's inputs and Δ_t the gradients at the layer's outputs in step t. X and X_q have a column of 1
for the bias. The user's inputs are the same in all rows, so these inputs and the bias only add one number to all values
of the user's kernel `X_q diag(r_in) Xᵀ`. `X Wᵀ` is computed once for each item and once for each user.

The later layers are small, and their inputs change with every step, so a low-rank form would have a rank of steps ×
support. Their weights are built for every user.

docs/decisions/0002-local-update.md gives the reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Layer(NamedTuple):
    """A linear layer, or one layer for each user, with the users as the first dimension.

    Attributes:
        weight: float32 [out, in].
        bias: float32 [out].
    """

    weight: Tensor
    bias: Tensor


class LayerRates(NamedTuple):
    """Local learning rates of a layer: `outputs[o] · inputs[i]` of its weights, `outputs[o] · bias` of its biases.

    Attributes:
        outputs: float32 [out].
        inputs: float32 [in].
        bias: float32, a scalar.
    """

    outputs: Tensor
    inputs: Tensor
    bias: Tensor


class FirstLayerRows(NamedTuple):
    """Inputs and outputs of the first decision layer for B users and some items of each.

    Attributes:
        users: float32 [B, user width].
        items: float32 [B, rows, item width].
        outputs: float32 [B, rows, out], the layer's outputs with the global weights θ2, bias included.
    """

    users: Tensor
    items: Tensor
    outputs: Tensor

    def detach(self) -> "FirstLayerRows":
        """The same values without a graph."""
        return FirstLayerRows(self.users.detach(), self.items.detach(), self.outputs.detach())


class OneUsersLayers(NamedTuple):
    """The decision layers θ2^i of one user, for scoring many items.

    Attributes:
        directions: float32 [item width, S], `diag(r_in) Xᵀ`.
        coefficients: float32 [S, out], A.
        constant: float32 [out], the part of the first layer's outputs that is the same for all items.
        later: All layers but the first.
    """

    directions: Tensor
    coefficients: Tensor
    constant: Tensor
    later: tuple[Layer, ...]

    def predict(self, items: Tensor, outputs: Tensor) -> Tensor:
        """Run the layers; float32 [rows].

        Args:
            items: float32 [rows, item width].
            outputs: float32 [rows, out], the items' part of the first layer's outputs with θ2.
        """
        values = torch.addmm(outputs, items @ self.directions, self.coefficients, alpha=-1).add_(self.constant)
        for weight, bias in self.later:
            values = torch.addmm(bias, values.relu_(), weight.mT)
        return values.squeeze(-1)


@dataclass(frozen=True)
class AdaptedLayers:
    """The decision layers θ2^i of B users.

    Attributes:
        support_users: float32 [B, user width], the users' inputs in the support sets.
        support_items: float32 [B, S, item width], the items' inputs in the support sets.
        first_rates: Local learning rates of the first layer.
        coefficients: float32 [B, S, out], A.
        later: All layers but the first.
    """

    support_users: Tensor
    support_items: Tensor
    first_rates: LayerRates
    coefficients: Tensor
    later: tuple[Layer, ...]

    def predict(self, rows: FirstLayerRows) -> Tensor:
        """Run each user's layers; float32 [B, rows]."""
        return self.activations(rows)[-1].squeeze(-1)

    def activations(self, rows: FirstLayerRows) -> list[Tensor]:
        """The values of every hidden layer after its ReLU, float32 [B, rows, out], and then the output."""
        return _forward(self._first_outputs(rows), self.later)

    def gradient_norms(self, rows: FirstLayerRows) -> Tensor:
        """`‖∇_{θ2^i} ŷ_ij‖_F` of every prediction; float32 [B, rows]."""
        inputs = _squared_norms(rows.users).unsqueeze(1) + _squared_norms(rows.items)
        return gradient_norms(inputs, self._first_outputs(rows), self.later)

    def kernel(self, rows: FirstLayerRows) -> Tensor:
        """`X_q diag(r_in) Xᵀ` for any rows X_q and the support X; float32 [B, rows, S]."""
        user_rates, item_rates = self.first_rates.inputs.tensor_split([rows.users.shape[1]])
        constants = (rows.users * user_rates * self.support_users).sum(dim=1) + self.first_rates.bias
        left, right = rows.items, self.support_items
        # The rates may multiply either side; multiplying the shorter one is cheaper.
        if left.shape[1] > right.shape[1]:
            right = right * item_rates
        else:
            left = left * item_rates
        return torch.baddbmm(constants.view(-1, 1, 1), left, right.mT)

    def of_user(self, user: int, mask: Tensor, outputs: Tensor) -> OneUsersLayers:
        """One user's layers, in the form that scores a catalogue fastest.

        Args:
            user: Row of the user in the batch.
            mask: bool [S], the user's support rows that are not padding.
            outputs: float32 [out], the user's part of the first layer's outputs with θ2, bias included.
        """
        user_inputs, items = self.support_users[user], self.support_items[user][mask]
        user_rates, item_rates = self.first_rates.inputs.tensor_split([len(user_inputs)])
        coefficients = self.coefficients[user][mask]
        kernel_of_user = (user_inputs.square() * user_rates).sum() + self.first_rates.bias
        return OneUsersLayers(
            directions=(items * item_rates).mT,
            coefficients=coefficients,
            constant=outputs - kernel_of_user * coefficients.sum(dim=0),
            later=tuple(
                layer if layer.bias.dim() == 1 else Layer(layer.weight[user], layer.bias[user]) for layer in self.later
            ),
        )

    def _first_outputs(self, rows: FirstLayerRows) -> Tensor:
        return torch.baddbmm(rows.outputs, self.kernel(rows), self.coefficients, alpha=-1)


@dataclass(frozen=True)
class _Gradients:
    """The gradients of each user's support loss, summed over steps.

    Attributes:
        first_outputs: float32 [B, S, out], at the outputs of the first layer.
        later: At the parameters of the other layers.
    """

    first_outputs: Tensor
    later: list[Layer]

    def __add__(self, other: "_Gradients") -> "_Gradients":
        later = zip(self.later, other.later, strict=True)
        return _Gradients(
            self.first_outputs + other.first_outputs,
            [Layer(one.weight + two.weight, one.bias + two.bias) for one, two in later],
        )


def local_update(
    layers: Sequence[Layer],
    rates: Sequence[LayerRates],
    support: FirstLayerRows,
    *,
    ratings: Tensor,
    mask: Tensor,
    prior_ratings: Tensor,
    steps: int,
    second_order: bool,
) -> tuple[AdaptedLayers, Tensor]:
    """Adapt the decision layers to B users: `θ2^i ← θ2^i − n/(n + c) α ∘ ∇_{θ2^i} L_i`, `steps` times.

    `L_i = 1/n Σ_j (y_ij − ŷ_ij)²` over the n = |H_i| ratings of the user's support set (MeLU, Lee et al., KDD 2019,
    eq. 4 and algorithm 1, where c = 0; with learned rates α, Meta-SGD, Li et al. 2017, eq. 2). A user without ratings
    keeps θ2.

    Args:
        layers: θ2, shared by all users, with ReLU between them; the last has one output.
        rates: α, one for each layer.
        support: The support sets, S rows.
        ratings: float32 [B, S].
        mask: bool [B, S].
        prior_ratings: c ≥ 0, a scalar. The update is as if the user had given c further ratings, each equal to its
            prediction. With c = 0, one rating changes a user's model as much as eighty do.
        steps: Number of gradient steps; 0 returns θ2 for every user.
        second_order: Whether outer gradients flow through the local gradients. First order treats the local gradients
            as constants, but outer gradients still reach the rates and c.

    Returns:
        θ2^i of every user, and the ratings minus the predictions of θ2, float32 [B, S].
    """
    later = tuple(layers[1:])
    activations = _forward(support.outputs, later)
    residuals = ratings - activations[-1].squeeze(-1)
    if not second_order:
        support, activations = support.detach(), [values.detach() for values in activations]
    unmoved = AdaptedLayers(support.users, support.items, rates[0], torch.zeros_like(support.outputs), later)
    present = mask.to(ratings.dtype)
    # `_gradients` differentiates half the sum over the ratings, not the mean. The clamp is for no ratings and c = 0.
    strengths = 2 / (present.sum(dim=1, keepdim=True) + prior_ratings).clamp(min=1e-6)
    first_sizes = (strengths * rates[0].outputs).unsqueeze(1)
    later_sizes = [_step_sizes(strengths, layer_rates) for layer_rates in rates[1:]]

    def moved(sums: _Gradients) -> AdaptedLayers:
        return replace(
            unmoved,
            coefficients=first_sizes * sums.first_outputs,
            later=tuple(
                Layer(
                    layer.weight.addcmul(size.weight, total.weight, value=-1),
                    layer.bias.addcmul(size.bias, total.bias, value=-1),
                )
                for layer, size, total in zip(later, later_sizes, sums.later, strict=True)
            ),
        )

    if not steps:
        return unmoved, residuals
    # Only the sums depend on the steps. In first order they are constants, so only the last move is in the graph.
    with torch.set_grad_enabled(second_order and torch.is_grad_enabled()):
        sums = _gradients(activations, later, ratings, present)
        if steps > 1:
            kernel = unmoved.kernel(support)
        for _ in range(1, steps):
            adapted = moved(sums)
            outputs = torch.baddbmm(support.outputs, kernel, adapted.coefficients, alpha=-1)
            sums = sums + _gradients(_forward(outputs, adapted.later), adapted.later, ratings, present)
    return moved(sums), residuals


def gradient_norms(inputs: Tensor, first_outputs: Tensor, later: Sequence[Layer]) -> Tensor:
    """`‖∇ ŷ‖_F` over the parameters of linear layers with ReLU, without building any gradient; float32 [B, rows].

    At a linear layer, the gradient of one prediction is the outer product of the layer's input x and the gradient δ at
    the layer's output. With the bias, its squared norm is `‖δ‖² (‖x‖² + 1)` (Goodfellow 2015, "Efficient per-example
    gradient computations").

    Args:
        inputs: float32 [B, rows], the squared norms of the first layer's inputs.
        first_outputs: float32 [B, rows, out], the outputs of the first layer.
        later: All layers but the first, shared or one for each user.
    """
    *hidden, output = _forward(first_outputs, later)
    delta = torch.ones_like(output)
    squares = torch.zeros_like(output[..., 0])
    for layer, values in zip(reversed(later), reversed(hidden), strict=True):
        squares = squares + _squared_norms(delta) * (_squared_norms(values) + 1)
        delta = _before_relu(delta @ layer.weight, values)
    return (squares + _squared_norms(delta) * (inputs + 1)).sqrt()


def _step_sizes(strengths: Tensor, rates: LayerRates) -> Layer:
    """2/(n + c) α of every user; `_gradients` gives the remaining factor n/2."""
    outputs = strengths * rates.outputs
    return Layer(outputs.unsqueeze(-1) * rates.inputs, outputs * rates.bias)


def _forward(first_outputs: Tensor, later: Sequence[Layer]) -> list[Tensor]:
    """The values of every hidden layer after its ReLU, then the output, float32 [B, rows, 1]."""
    activations = [first_outputs]
    for weight, bias in later:
        values = activations[-1] = activations[-1].relu()
        is_shared = weight.ndim == 2
        activations.append(
            F.linear(values, weight, bias) if is_shared else torch.baddbmm(bias.unsqueeze(1), values, weight.mT)
        )
    return activations


def _gradients(activations: list[Tensor], later: Sequence[Layer], ratings: Tensor, present: Tensor) -> _Gradients:
    """Gradients of `1/2 Σ_j (y_ij − ŷ_ij)²`, written out; the same as autograd gives for `_forward`."""
    *hidden, output = activations
    delta = (output - ratings.unsqueeze(-1)) * present.unsqueeze(-1)
    gradients = []
    for layer, values in zip(reversed(later), reversed(hidden), strict=True):
        gradients.append(Layer(delta.mT @ values, delta.sum(dim=1)))
        delta = _before_relu(delta @ layer.weight, values)
    return _Gradients(delta, gradients[::-1])


def _before_relu(delta: Tensor, values: Tensor) -> Tensor:
    """Gradients at a ReLU's inputs, from the gradients at its outputs and the outputs' values."""
    # Autograd calls this for a ReLU. It is many times faster than `delta * (values > 0)`.
    return torch.ops.aten.threshold_backward(delta, values.detach(), 0)  # type: ignore[no-any-return]


def _squared_norms(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=-1)
