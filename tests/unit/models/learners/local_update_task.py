"""Random local updates with the squared error, computed in three ways: plain inner loop, fast path, and autograd.

The tests of the inner loop and of the fast path compare the ways, and `benchmarks.inner_loop` prints the differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor

from models.learners.inner_loop import GradientDescent, Parameters, inner_loop
from models.learners.low_rank_update import AdaptedLayers, FirstLayerRows, Layer, LayerRates, local_update

USER_WIDTH, ITEM_WIDTH = 3, 4
SUPPORT_SIZES, QUERY_SIZES = [3, 0, 1, 6], [2, 4, 1, 3]


@dataclass(frozen=True)
class Task:
    """Inputs of the local update: everything that a gradient may flow to, and the ratings."""

    parameters: Parameters
    output_rates: Parameters
    input_rates: Parameters
    prior: Tensor
    users: Tensor
    support_items: Tensor
    query_items: Tensor
    support_ratings: Tensor
    query_ratings: Tensor

    def leaves(self) -> dict[str, Tensor]:
        return {
            **{f"θ2 {name}": value for name, value in self.parameters.items()},
            **{f"output rate {name}": value for name, value in self.output_rates.items()},
            **{f"input rate {name}": value for name, value in self.input_rates.items()},
            "prior": self.prior,
            "users": self.users,
            "support items": self.support_items,
            "query items": self.query_items,
        }

    def to(self, dtype: torch.dtype) -> "Task":
        """A copy in another precision, whose tensors are leaves that require gradients."""

        def copy(value: Tensor | Parameters) -> Tensor | Parameters:
            if isinstance(value, dict):
                return {name: tensor.detach().to(dtype, copy=True).requires_grad_() for name, tensor in value.items()}
            return value.detach().to(dtype, copy=True).requires_grad_()

        return Task(**{field.name: copy(getattr(self, field.name)) for field in fields(self)})


def random_task(
    *,
    seed: int = 0,
    support: int = max(SUPPORT_SIZES),
    query: int = max(QUERY_SIZES),
    hidden: tuple[int, ...] = (8, 6),
) -> Task:
    """A task of four users without padding, in float32, so that every precision starts from the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    parameters, output_rates, input_rates = {}, {}, {}
    for number, (inputs, outputs) in enumerate(pairwise((USER_WIDTH + ITEM_WIDTH, *hidden, 1))):
        parameters[f"{number}.weight"] = torch.randn(outputs, inputs, generator=generator) * 0.4
        parameters[f"{number}.bias"] = torch.randn(outputs, generator=generator) * 0.4
        output_rates[str(number)] = 0.1 + 0.4 * torch.rand(outputs, generator=generator)
        input_rates[str(number)] = 0.05 + 0.1 * torch.rand(inputs + 1, generator=generator)
    users = len(SUPPORT_SIZES)
    return Task(
        parameters=parameters,
        output_rates=output_rates,
        input_rates=input_rates,
        prior=torch.tensor(1.5),
        users=torch.randn(users, USER_WIDTH, generator=generator),
        support_items=torch.randn(users, support, ITEM_WIDTH, generator=generator),
        query_items=torch.randn(users, query, ITEM_WIDTH, generator=generator),
        support_ratings=torch.randint(1, 6, (users, support), generator=generator).float(),
        query_ratings=torch.randint(1, 6, (users, query), generator=generator).float(),
    )


def mask_of(sizes: Sequence[int], width: int | None = None) -> Tensor:
    return torch.arange(max(sizes) if width is None else width) < torch.tensor(sizes).unsqueeze(1)


def layers_of(task: Task) -> list[Layer]:
    return [Layer(task.parameters[f"{name}.weight"], task.parameters[f"{name}.bias"]) for name in task.output_rates]


def rows_of(task: Task, items: Tensor) -> FirstLayerRows:
    weight, bias = layers_of(task)[0]
    outputs = (task.users @ weight[:, :USER_WIDTH].T + bias).unsqueeze(1) + items @ weight[:, USER_WIDTH:].T
    return FirstLayerRows(task.users, items, outputs)


def low_rank_update(task: Task, mask: Tensor, *, steps: int, second_order: bool = False) -> AdaptedLayers:
    """The users' layers by the fast path."""
    adapted, _ = local_update(
        layers_of(task),
        [
            LayerRates(outputs, *task.input_rates[name].tensor_split([-1]))
            for name, outputs in task.output_rates.items()
        ],
        rows_of(task, task.support_items),
        ratings=task.support_ratings,
        mask=mask,
        prior_ratings=task.prior,
        steps=steps,
        second_order=second_order,
    )
    return adapted


def low_rank_predictions(task: Task, sizes: Sequence[int] = SUPPORT_SIZES, *, steps: int, second_order: bool) -> Tensor:
    """Query predictions by the fast path; [B, Q]."""
    mask = mask_of(sizes, task.support_items.shape[1])
    adapted = low_rank_update(task, mask, steps=steps, second_order=second_order)
    return adapted.predict(rows_of(task, task.query_items))


def plain_predictions(task: Task, sizes: Sequence[int] = SUPPORT_SIZES, *, steps: int, second_order: bool) -> Tensor:
    """Query predictions by the plain inner loop; [B, Q]."""

    def loss(parameters: Parameters, user: dict[str, Tensor]) -> Tensor:
        errors = network(parameters, user["inputs"]) - user["ratings"]
        # The mean squared error of n ratings times n/(n + c).
        return (user["mask"] * errors.square()).sum() / (user["mask"].sum() + task.prior)

    users = {
        "inputs": batch_inputs_of(task, task.support_items),
        "ratings": task.support_ratings,
        "mask": mask_of(sizes, task.support_items.shape[1]),
    }
    rule = GradientDescent(rates_of(task))
    adapted = inner_loop(loss, task.parameters, users, rule, steps=steps, second_order=second_order)
    return torch.vmap(network)(adapted, batch_inputs_of(task, task.query_items))


def network(parameters: Parameters, inputs: Tensor) -> Tensor:
    """The decision layers, written from their definition."""
    values = inputs
    for number in range(len(parameters) // 2):
        values = torch.relu(values) if number else values
        values = values @ parameters[f"{number}.weight"].T + parameters[f"{number}.bias"]
    return values.squeeze(-1)


def rates_of(task: Task) -> Parameters:
    """The rates α in the shapes of the parameters."""
    return {
        f"{name}.{kind}": rates
        for name, outputs in task.output_rates.items()
        for kind, rates in (
            ("weight", torch.outer(outputs, task.input_rates[name][:-1])),
            ("bias", outputs * task.input_rates[name][-1]),
        )
    }


def adapted_by_autograd(
    task: Task, sizes: Sequence[int] = SUPPORT_SIZES, *, steps: int, second_order: bool = False
) -> list[Parameters]:
    """Each user's parameters, by a loop over users without padding."""
    adapted, rates = [], rates_of(task)
    for user, size in enumerate(sizes):
        parameters, inputs = dict(task.parameters), inputs_of(task, user, task.support_items[user, :size])
        for _ in range(steps if size else 0):
            loss = (network(parameters, inputs) - task.support_ratings[user, :size]).square().mean()
            gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=second_order)
            strength = size / (size + task.prior)
            parameters = {
                name: value - strength * rates[name] * gradient
                for (name, value), gradient in zip(parameters.items(), gradients, strict=True)
            }
        adapted.append(parameters)
    return adapted


def batch_inputs_of(task: Task, items: Tensor) -> Tensor:
    """Inputs of the decision layers for all users; [B, rows, width]."""
    return torch.cat([task.users.unsqueeze(1).expand(-1, items.shape[1], -1), items], dim=-1)


def inputs_of(task: Task, user: int, items: Tensor) -> Tensor:
    return torch.cat([task.users[user].expand(len(items), -1), items], dim=-1)


def autograd_predictions(
    task: Task, sizes: Sequence[int] = SUPPORT_SIZES, *, steps: int, second_order: bool
) -> list[Tensor]:
    """Each user's query predictions by autograd in a loop over users, without padding."""
    return [
        network(parameters, inputs_of(task, user, task.query_items[user, : QUERY_SIZES[user]]))
        for user, parameters in enumerate(adapted_by_autograd(task, sizes, steps=steps, second_order=second_order))
    ]


def gradients_of_query_loss(task: Task, predictions: Sequence[Tensor]) -> dict[str, Tensor]:
    """Gradients of the sum of the users' mean squared query errors, by the name of the leaf."""
    losses = [
        (predicted - task.query_ratings[user, : len(predicted)]).square().mean()
        for user, predicted in enumerate(predictions)
    ]
    leaves = task.leaves()
    gradients = torch.autograd.grad(torch.stack(losses).sum(), list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, gradients, strict=True))


def cut_to_sizes(padded: Tensor) -> list[Tensor]:
    return [row[:size] for row, size in zip(padded, QUERY_SIZES, strict=True)]


def largest_difference(actual: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    if not expected.numel():
        return 0.0
    scale = expected.abs().max().clamp(min=1e-30)
    return float(((actual.double() - expected).abs().max() / scale).detach())
