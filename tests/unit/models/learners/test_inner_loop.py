"""The plain inner loop, compared with autograd in a loop over users and with the low-rank update."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.learners.heads.base import Latent, SupportSummary
from models.learners.heads.ordinal import OrdinalConfig, OrdinalHead
from models.learners.inner_loop import GradientDescent, Parameters, StepRule, inner_loop
from tests.unit.models.learners.local_update_task import (
    SUPPORT_SIZES,
    autograd_predictions,
    cut_to_sizes,
    gradients_of_query_loss,
    largest_difference,
    low_rank_predictions,
    network,
    plain_predictions,
    random_task,
)

User = dict[str, Tensor]
Loss = Callable[[Parameters, User], Tensor]

ORDERS = pytest.mark.parametrize("second_order", [False, True], ids=["first-order", "second-order"])
STEPS = pytest.mark.parametrize("steps", [1, 5])
PRECISIONS = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["float64", "float32"]
)

USERS, RATINGS, WIDTH = 3, 4, 5


def random_leaf(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def random_network(generator: torch.Generator) -> Parameters:
    """Parameters of `network` with one hidden layer."""
    shapes = {"0.weight": (6, WIDTH), "0.bias": (6,), "1.weight": (1, 6), "1.bias": (1,)}
    return {name: random_leaf(*shape, generator=generator) for name, shape in shapes.items()}


def random_users(generator: torch.Generator) -> User:
    """Support sets of all users: inputs, which take gradients, and ratings."""
    return {
        "inputs": random_leaf(USERS, RATINGS, WIDTH, generator=generator),
        "ratings": torch.randint(1, 6, (USERS, RATINGS), generator=generator).double(),
    }


def squared_error(parameters: Parameters, user: User) -> Tensor:
    return (network(parameters, user["inputs"]) - user["ratings"]).square().mean()


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with momentum, whose state is the velocity: `v ← μ v + ∇`, `θ ← θ − α v`."""

    rate: Tensor
    momentum: Tensor

    def start(self, parameters: Parameters) -> Parameters:
        return {name: torch.zeros_like(value) for name, value in parameters.items()}

    def __call__(self, gradients: Parameters, state: Parameters) -> tuple[Parameters, Parameters]:
        velocities = {name: self.momentum * state[name] + gradient for name, gradient in gradients.items()}
        return {name: -self.rate * velocity for name, velocity in velocities.items()}, velocities


@dataclass(frozen=True)
class Case:
    """A step rule, its learned tensors, and the same rule from its definition.

    Attributes:
        rule: What the inner loop gets.
        learned: Tensors of the rule that take gradients.
        change: The change of a parameter, given its name and its gradients in all steps until now.
    """

    rule: StepRule
    learned: dict[str, Tensor]
    change: Callable[[str, list[Tensor]], Tensor]


def scalar_rate(generator: torch.Generator) -> Case:
    rate = (random_leaf(generator=generator).detach().abs() * 0.02).requires_grad_()
    return Case(GradientDescent(rate), {"rate": rate}, lambda _, gradients: -rate * gradients[-1])


def rate_of_each_weight(generator: torch.Generator) -> Case:
    rates = {
        name: (torch.rand(value.shape, generator=generator, dtype=torch.float64) * 0.05).requires_grad_()
        for name, value in random_network(generator).items()
    }
    learned = {f"rate {name}": rate for name, rate in rates.items()}
    return Case(GradientDescent(rates), learned, lambda name, gradients: -rates[name] * gradients[-1])


def momentum(generator: torch.Generator) -> Case:  # noqa: ARG001 - the signature of all cases
    rate, decay = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.02, 0.7))

    def change(_: str, gradients: list[Tensor]) -> Tensor:
        # The velocity is a sum over all steps, whose weights decay with their age.
        terms = [decay**age * gradient for age, gradient in enumerate(reversed(gradients))]
        return -rate * torch.stack(terms).sum(dim=0)

    return Case(Momentum(rate, decay), {"rate": rate, "momentum": decay}, change)


CASES = pytest.mark.parametrize("make_case", [scalar_rate, rate_of_each_weight, momentum])


def adapted_by_autograd(
    loss: Loss, parameters: Parameters, users: User, case: Case, *, steps: int, second_order: bool
) -> Parameters:
    """The definition: one user after the other, with `torch.autograd.grad`."""
    adapted: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for row in range(len(users["ratings"])):
        user = {name: values[row] for name, values in users.items()}
        current, history = dict(parameters), {name: list[Tensor]() for name in parameters}
        for _ in range(steps):
            gradients = torch.autograd.grad(loss(current, user), list(current.values()), create_graph=second_order)
            for name, gradient in zip(current, gradients, strict=True):
                history[name].append(gradient)
            current = {name: value + case.change(name, history[name]) for name, value in current.items()}
        for name, value in current.items():
            adapted[name].append(value)
    return {name: torch.stack(values) for name, values in adapted.items()}


def outer_gradients(adapted: Parameters, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gradients of a scalar that depends on each adapted parameter in its own way."""
    outer_loss = torch.stack([(value * value.detach().cos()).sum() for value in adapted.values()]).sum()
    gradients = torch.autograd.grad(outer_loss, list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, gradients, strict=True))


def require_close(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, rtol=1e-9, atol=1e-10, msg=lambda text, name=name: name + text)


@ORDERS
@STEPS
class TestAgainstAutograd:
    @CASES
    def test_values_and_outer_gradients_of_any_rule_equal_autograd(
        self, make_case: Callable[[torch.Generator], Case], steps: int, second_order: bool
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        case, parameters, users = make_case(generator), random_network(generator), random_users(generator)
        options = {"steps": steps, "second_order": second_order}
        actual = inner_loop(squared_error, parameters, users, case.rule, **options)
        expected = adapted_by_autograd(squared_error, parameters, users, case, **options)
        require_close(actual, expected)
        assert all((actual[name] != value).any() for name, value in parameters.items())
        leaves = {**parameters, **case.learned, "inputs": users["inputs"]}
        gradients = outer_gradients(expected, leaves)
        require_close(outer_gradients(actual, leaves), gradients)
        # First order takes the gradients for constants, so nothing reaches the support. The rates are still learned.
        assert bool(gradients["inputs"].any()) is second_order
        assert all(gradients[name].any() for name in case.learned if steps > 1 or name != "momentum")

    def test_values_and_outer_gradients_of_the_ordinal_heads_loss_equal_autograd(
        self, steps: int, second_order: bool
    ) -> None:
        generator = torch.Generator().manual_seed(1)
        torch.manual_seed(0)
        head = OrdinalHead(RatingScale(minimum=1, maximum=5), OrdinalConfig()).double()
        torch.nn.init.normal_(head.shifts[-1].weight, std=0.3, generator=generator)

        def negative_log_likelihood(parameters: Parameters, user: User) -> Tensor:
            mean, ratings = network(parameters, user["inputs"]).unsqueeze(0), user["ratings"].unsqueeze(0)
            mask = torch.ones_like(ratings, dtype=torch.bool)
            residuals = ratings - mean.detach()
            support = SupportSummary(ratings, residuals, residuals, mask)
            return head.loss(Latent(mean, torch.zeros_like(mean)), support, ratings).mean()

        case, parameters, users = scalar_rate(generator), random_network(generator), random_users(generator)
        options = {"steps": steps, "second_order": second_order}
        actual = inner_loop(negative_log_likelihood, parameters, users, case.rule, **options)
        expected = adapted_by_autograd(negative_log_likelihood, parameters, users, case, **options)
        require_close(actual, expected)
        leaves = {**parameters, **case.learned, "thresholds": head.first_threshold, "scale": head.log_scale}
        gradients = outer_gradients(expected, leaves)
        require_close(outer_gradients(actual, leaves), gradients)
        assert bool(gradients["thresholds"].any()) is second_order
        other = inner_loop(squared_error, parameters, users, case.rule, **options)
        assert not torch.allclose(other["1.bias"], actual["1.bias"])


@PRECISIONS
@ORDERS
@STEPS
class TestAgainstLowRankUpdate:
    """`models.learners.low_rank_update` is an optimisation of the plain loop: both give the same."""

    def test_predictions_equal_the_low_rank_update(
        self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float
    ) -> None:
        options = {"steps": steps, "second_order": second_order}
        actual = low_rank_predictions(random_task().to(dtype), **options)
        expected = plain_predictions(random_task().to(torch.float64), **options)
        assert largest_difference(actual, expected) < tolerance

    def test_gradients_of_the_query_loss_equal_the_low_rank_update(
        self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float
    ) -> None:
        options = {"steps": steps, "second_order": second_order}
        fast, plain = random_task().to(dtype), random_task().to(torch.float64)
        actual = gradients_of_query_loss(fast, cut_to_sizes(low_rank_predictions(fast, **options)))
        expected = gradients_of_query_loss(plain, cut_to_sizes(plain_predictions(plain, **options)))
        if not second_order:
            # The prior is part of the plain loop's loss, so its first-order gradient is 0.
            assert not expected.pop("prior").any()
        differences = {name: largest_difference(actual[name], expected[name]) for name in expected}
        assert max(differences.values()) < tolerance, differences


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 9), max_size=3),
    st.lists(st.integers(0, 7), min_size=len(SUPPORT_SIZES), max_size=len(SUPPORT_SIZES)),
    st.integers(0, 6),
    st.booleans(),
)
def test_predictions_with_any_layers_supports_and_steps_equal_both_references(
    seed: int, hidden: list[int], sizes: list[int], steps: int, second_order: bool
) -> None:
    task = random_task(seed=seed, support=max(sizes), hidden=tuple(hidden)).to(torch.float64)
    options = {"steps": steps, "second_order": second_order}
    actual = plain_predictions(task, sizes, **options)
    assert largest_difference(actual, low_rank_predictions(task, sizes, **options)) < 1e-10
    expected = autograd_predictions(task, sizes, **options)
    assert largest_difference(torch.cat(cut_to_sizes(actual)), torch.cat(expected)) < 1e-10


class TestInnerLoop:
    def test_one_step_of_one_weight_equals_the_calculation_by_hand(self) -> None:
        # The loss (θ x − y)² has the gradient 2 x (θ x − y) in θ. For θ = 1: user (x, y) = (1, 3) has the gradient −4,
        # user (2, 1) has 4. Rate .1 gives 1.4 and .6. The derivative of θ − .1 · 2 x (θ x − y) is 1 − .2 x².
        weight = torch.tensor(1.0, requires_grad=True)
        users = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0])

        def loss(parameters: Parameters, user: tuple[Tensor, Tensor]) -> Tensor:
            return (parameters["weight"] * user[0] - user[1]).square()

        for second_order, expected in ((True, 0.8 + 0.2), (False, 2.0)):
            adapted = inner_loop(
                loss,
                {"weight": weight},
                users,
                GradientDescent(torch.tensor(0.1)),
                steps=1,
                second_order=second_order,
            )
            torch.testing.assert_close(adapted["weight"], torch.tensor([1.4, 0.6]))
            [gradient] = torch.autograd.grad(adapted["weight"].sum(), weight)
            torch.testing.assert_close(gradient, torch.tensor(expected))

    def test_adapted_parameters_without_steps_are_the_given_ones_for_every_user(self) -> None:
        generator = torch.Generator().manual_seed(0)
        parameters, users = random_network(generator), random_users(generator)
        rule = GradientDescent(torch.tensor(0.1))
        adapted = inner_loop(squared_error, parameters, users, rule, steps=0, second_order=True)
        for name, value in parameters.items():
            assert torch.equal(adapted[name], value.expand(USERS, *value.shape))

    def test_parameters_outside_the_given_ones_stay_shared(self) -> None:
        generator = torch.Generator().manual_seed(0)
        parameters, users = random_network(generator), random_users(generator)
        head = {name: parameters.pop(name) for name in ("1.weight", "1.bias")}

        def loss(adapted: Parameters, user: User) -> Tensor:
            return squared_error({**adapted, **head}, user)

        rule = GradientDescent(torch.tensor(0.01))
        adapted = inner_loop(loss, parameters, users, rule, steps=2, second_order=True)
        assert adapted.keys() == parameters.keys()
        assert all(gradient.any() for gradient in outer_gradients(adapted, head).values())

    def test_each_step_sees_what_it_is_given_of_the_users_data(self) -> None:
        generator = torch.Generator().manual_seed(0)
        parameters, users = random_network(generator), random_users(generator)
        rule = GradientDescent(torch.tensor(0.01))
        options = {"steps": 1, "second_order": True}

        def rating_of(user: User, step: int) -> User:
            return {name: values[step : step + 1] for name, values in user.items()}

        adapted = inner_loop(squared_error, parameters, users, rule, steps=2, second_order=True, at_step=rating_of)
        for row in range(USERS):
            expected = parameters
            for step in range(2):
                user = {name: values[row : row + 1, step : step + 1] for name, values in users.items()}
                after = inner_loop(squared_error, expected, user, rule, **options)
                expected = {name: value[0] for name, value in after.items()}
            require_close({name: value[row] for name, value in adapted.items()}, expected)

    def test_adapted_parameters_of_a_user_alone_equal_those_in_a_batch(self) -> None:
        generator = torch.Generator().manual_seed(0)
        parameters, users, case = random_network(generator), random_users(generator), momentum(generator)
        batch = inner_loop(squared_error, parameters, users, case.rule, steps=3, second_order=False)
        for row in range(USERS):
            user = {name: values[row : row + 1] for name, values in users.items()}
            alone = inner_loop(squared_error, parameters, user, case.rule, steps=3, second_order=False)
            require_close(
                {name: value[0] for name, value in alone.items()}, {name: value[row] for name, value in batch.items()}
            )
