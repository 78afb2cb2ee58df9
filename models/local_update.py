"""The local update: gradient steps on the decision layers with each user's support set, many users at once.

One implementation serves training, evaluation and serving. It is written for one user and batched by
`torch.func.vmap`; tests/unit/models/test_local_update.py holds it to plain autograd, user by user.
"""

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional as F

Parameters = dict[str, Tensor]
"""A module's parameters by name; adapted ones have the users as an extra first dimension."""


def run_with(decision: nn.Sequential, parameters: Parameters, inputs: Tensor) -> Tensor:
    """Run the decision layers with other parameters than their own.

    Not `torch.func.functional_call`, which exchanges the parameters of the module itself while it runs: requests are
    served in several threads from one module.

    Args:
        decision: Linear layers, and others without parameters between them.
        parameters: What to use instead, by name.
        inputs: float32 [rows, width].

    Returns:
        float32 [rows].
    """
    values = inputs
    for name, layer in decision.named_children():
        if isinstance(layer, nn.Linear):
            values = F.linear(values, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
        else:
            values = layer(values)
    return values


def decide(decision: nn.Sequential, parameters: Parameters, users: Tensor, items: Tensor) -> Tensor:
    """Run the decision layers with each user's own parameters.

    Args:
        decision: The decision layers: [rows, user width + item width] → [rows].
        parameters: Their parameters, each [B, …].
        users: float32 [B, user width].
        items: float32 [B, rows, item width].

    Returns:
        float32 [B, rows].
    """

    def of_one_user(own_parameters: Parameters, inputs: Tensor) -> Tensor:
        return run_with(decision, own_parameters, inputs)

    inputs = torch.cat([users.unsqueeze(1).expand(-1, items.shape[1], -1), items], dim=-1)
    return vmap(of_one_user)(parameters, inputs)


def local_update(
    decision: nn.Sequential,
    parameters: Parameters,
    rates: Parameters,
    *,
    inputs: Tensor,
    ratings: Tensor,
    mask: Tensor,
    prior_ratings: Tensor,
    steps: int,
    second_order: bool,
) -> Parameters:
    """Adapt the decision layers to B users: `θ2^i ← θ2^i − n/(n + c) α ∘ ∇_{θ2^i} L_i`, `steps` times.

    `L_i = 1/n Σ_j (y_ij − ŷ_ij)²` over the n = |H_i| ratings of the user's support set (MeLU, Lee et al., KDD 2019,
    eq. 4 and algorithm 1, where c = 0; with rates α shaped like θ2, Meta-SGD, Li et al. 2017, eq. 2). A user whose
    mask is empty keeps θ2.

    Args:
        decision: The decision layers: [rows, width] → [rows].
        parameters: θ2, shared by all users.
        rates: α, each shaped like its parameter, or a scalar.
        inputs: float32 [B, S, width], user and item vectors concatenated.
        ratings: float32 [B, S].
        mask: bool [B, S].
        prior_ratings: c ≥ 0, a scalar: as if the user had given that many further ratings just as predicted. With
            c = 0 a single rating moves a user's model as far as eighty do.
        steps: Number of gradient steps; 0 returns θ2 for every user.
        second_order: Whether gradients of what follows flow through the local gradients too. First order
            treats the adapted parameters as θ2 plus a constant, but for the rates.

    Returns:
        θ2^i of every user, each parameter [B, …].
    """

    def support_loss(own: Parameters, inputs: Tensor, ratings: Tensor, mask: Tensor) -> Tensor:
        return ((run_with(decision, own, inputs) - ratings).square() * mask).sum() / mask.sum().clamp(min=1)

    gradients_of_all = vmap(grad(support_loss))
    counts = mask.sum(dim=1)
    # Outside the loss, so that the prior gets its gradient in first order too. The clamp is for 0 ratings and no prior.
    strengths = counts / (counts + prior_ratings).clamp(min=1e-6)
    steps_of = {name: rate * strengths.view(-1, *[1] * parameters[name].ndim) for name, rate in rates.items()}
    adapted = {name: value.expand(len(inputs), *value.shape) for name, value in parameters.items()}
    for _ in range(steps):
        with torch.set_grad_enabled(second_order and torch.is_grad_enabled()):
            gradients = gradients_of_all(adapted, inputs, ratings, mask)
        adapted = {name: value - steps_of[name] * gradients[name] for name, value in adapted.items()}
    return adapted


def gradient_norms(decision: nn.Sequential, parameters: Parameters, users: Tensor, items: Tensor) -> Tensor:
    """`‖∇_{θ2^i} ŷ_ij‖_F` of every prediction, without building any gradient.

    The gradient of one prediction at a linear layer is the outer product of the layer's input x and of the gradient δ
    at its output, so its squared norm, with the bias, is `‖δ‖² (‖x‖² + 1)` (Goodfellow 2015, "Efficient per-example
    gradient computations").

    Args:
        decision: Linear layers, and others without parameters between them.
        parameters: Their parameters, each [B, …].
        users: float32 [B, user width].
        items: float32 [B, rows, item width].

    Returns:
        float32 [B, rows].
    """
    values = torch.cat([users.unsqueeze(1).expand(-1, items.shape[1], -1), items], dim=-1).detach()
    inputs, outputs = [], []
    with torch.enable_grad():
        for name, layer in decision.named_children():
            if isinstance(layer, nn.Linear):
                inputs.append(values)
                weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
                values = torch.baddbmm(bias.unsqueeze(1), values, weight.transpose(1, 2)).requires_grad_()
                outputs.append(values)
            else:
                values = layer(values)
        deltas = torch.autograd.grad(values.sum(), outputs)
    squares = [
        delta.square().sum(dim=-1) * (layer_input.square().sum(dim=-1) + 1)
        for delta, layer_input in zip(deltas, inputs, strict=True)
    ]
    return torch.stack(squares).sum(dim=0).sqrt().detach()
