"""The batched local update against plain autograd, written here once more for one user at a time."""

from dataclasses import dataclass, fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models.local_update import Parameters, decide, gradient_norms, local_update

USER_WIDTH, ITEM_WIDTH = 3, 4
SUPPORT_SIZES, QUERY_SIZES = [3, 0, 1, 6], [2, 4, 1, 3]


@dataclass(frozen=True)
class Task:
    """Everything the local update depends on that a gradient may flow to, and the ratings."""

    parameters: Parameters
    rates: Parameters
    prior: Tensor
    users: Tensor
    support_items: Tensor
    query_items: Tensor
    support_ratings: Tensor
    query_ratings: Tensor

    def leaves(self) -> dict[str, Tensor]:
        return {
            **{f"θ2 {name}": value for name, value in self.parameters.items()},
            **{f"rate {name}": value for name, value in self.rates.items()},
            "prior": self.prior,
            "users": self.users,
            "support items": self.support_items,
            "query items": self.query_items,
        }

    def to(self, dtype: torch.dtype) -> "Task":
        """A copy whose leaves take gradients of their own."""

        def copy(value: Tensor | Parameters) -> Tensor | Parameters:
            if isinstance(value, dict):
                return {name: tensor.detach().to(dtype, copy=True).requires_grad_() for name, tensor in value.items()}
            return value.detach().to(dtype, copy=True).requires_grad_()

        return Task(**{field.name: copy(getattr(self, field.name)) for field in fields(self)})


def decision_layers(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(USER_WIDTH + ITEM_WIDTH, 8),
        nn.ReLU(),
        nn.Linear(8, 6),
        nn.ReLU(),
        nn.Linear(6, 1),
        nn.Flatten(start_dim=-2),
    ).to(dtype)


def random_task(*, seed: int = 0, support: int = max(SUPPORT_SIZES), query: int = max(QUERY_SIZES)) -> Task:
    """A task of four users, all slots filled, in float32, so that every precision begins with the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {
        name: torch.randn(value.shape, generator=generator) * 0.4
        for name, value in decision_layers().named_parameters()
    }
    users = len(SUPPORT_SIZES)
    return Task(
        parameters=parameters,
        rates={name: 0.01 + 0.04 * torch.rand(value.shape, generator=generator) for name, value in parameters.items()},
        prior=torch.tensor(1.5),
        users=torch.randn(users, USER_WIDTH, generator=generator),
        support_items=torch.randn(users, support, ITEM_WIDTH, generator=generator),
        query_items=torch.randn(users, query, ITEM_WIDTH, generator=generator),
        support_ratings=torch.randint(1, 6, (users, support), generator=generator).float(),
        query_ratings=torch.randint(1, 6, (users, query), generator=generator).float(),
    )


def mask_of(sizes: list[int], width: int | None = None) -> Tensor:
    return torch.arange(max(sizes) if width is None else width) < torch.tensor(sizes).unsqueeze(1)


def adapt(task: Task, mask: Tensor, *, steps: int, second_order: bool = False) -> Parameters:
    users = task.users.unsqueeze(1).expand(-1, mask.shape[1], -1)
    return local_update(
        decision_layers(task.users.dtype),
        task.parameters,
        task.rates,
        inputs=torch.cat([users, task.support_items], dim=-1),
        ratings=task.support_ratings,
        mask=mask,
        prior_ratings=task.prior,
        steps=steps,
        second_order=second_order,
    )


def batched_predictions(task: Task, *, steps: int, second_order: bool) -> Tensor:
    adapted = adapt(task, mask_of(SUPPORT_SIZES), steps=steps, second_order=second_order)
    return decide(decision_layers(task.users.dtype), adapted, task.users, task.query_items)


def network(own: Parameters, inputs: Tensor) -> Tensor:
    """The decision layers once more, from their definition."""
    hidden = torch.relu(inputs @ own["0.weight"].T + own["0.bias"])
    hidden = torch.relu(hidden @ own["2.weight"].T + own["2.bias"])
    return (hidden @ own["4.weight"].T + own["4.bias"]).squeeze(-1)


def reference_predictions(task: Task, *, steps: int, second_order: bool) -> list[Tensor]:
    """Each user's query predictions: a loop over users, without padding."""
    predictions = []
    for user, (support_size, query_size) in enumerate(zip(SUPPORT_SIZES, QUERY_SIZES, strict=True)):

        def inputs(items: Tensor, row: Tensor = task.users[user]) -> Tensor:
            return torch.cat([row.expand(len(items), -1), items], dim=-1)

        own = dict(task.parameters)
        for _ in range(steps if support_size else 0):
            errors = network(own, inputs(task.support_items[user, :support_size]))
            errors = errors - task.support_ratings[user, :support_size]
            gradients = torch.autograd.grad(errors.square().mean(), list(own.values()), create_graph=second_order)
            strength = support_size / (support_size + task.prior)
            own = {
                name: value - strength * task.rates[name] * gradient
                for (name, value), gradient in zip(own.items(), gradients, strict=True)
            }
        predictions.append(network(own, inputs(task.query_items[user, :query_size])))
    return predictions


def gradients_of_query_loss(task: Task, predictions: list[Tensor]) -> dict[str, Tensor]:
    """Gradients of the sum of the users' mean squared query errors with respect to all that is learned."""
    losses = [(own - task.query_ratings[user, : len(own)]).square().mean() for user, own in enumerate(predictions)]
    leaves = task.leaves()
    gradients = torch.autograd.grad(torch.stack(losses).sum(), list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, gradients, strict=True))


def cut_to_sizes(padded: Tensor) -> list[Tensor]:
    return [row[:size] for row, size in zip(padded, QUERY_SIZES, strict=True)]


def greatest_difference(actual: Tensor, expected: Tensor) -> float:
    """Relative to the greatest value that is expected."""
    scale = expected.abs().max().clamp(min=1e-30)
    return float(((actual.double() - expected).abs().max() / scale).detach())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("second_order", [False, True], ids=["first-order", "second-order"])
@pytest.mark.parametrize("steps", [1, 5])
class TestAgainstAutograd:
    def test_predictions(self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float) -> None:
        actual = batched_predictions(random_task().to(dtype), steps=steps, second_order=second_order)
        expected = reference_predictions(random_task().to(torch.float64), steps=steps, second_order=second_order)
        assert greatest_difference(torch.cat(cut_to_sizes(actual)), torch.cat(expected)) < tolerance

    def test_gradients_of_the_query_loss(
        self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float
    ) -> None:
        batched, exact = random_task().to(dtype), random_task().to(torch.float64)
        predictions = batched_predictions(batched, steps=steps, second_order=second_order)
        actual = gradients_of_query_loss(batched, cut_to_sizes(predictions))
        expected = gradients_of_query_loss(exact, reference_predictions(exact, steps=steps, second_order=second_order))
        differences = {name: greatest_difference(actual[name], expected[name]) for name in expected}
        assert max(differences.values()) < tolerance, differences


def test_the_references_of_first_and_second_order_differ() -> None:
    gradients = []
    for second_order in (False, True):
        task = random_task().to(torch.float64)
        predictions = reference_predictions(task, steps=1, second_order=second_order)
        gradients.append(gradients_of_query_loss(task, predictions)["θ2 0.weight"])
    assert greatest_difference(*gradients) > 1e-3


class TestAdaptedParameters:
    def test_one_step_by_hand(self) -> None:
        # ŷ = 0 for x = (1, 2) and y = 3: the loss 9 has the gradient 2 (ŷ − y) x = (−6, −12), and −6 for the bias.
        decision = nn.Sequential(nn.Linear(2, 1), nn.Flatten(start_dim=-2))
        zeros = {name: torch.zeros_like(value) for name, value in decision.named_parameters()}
        adapted = local_update(
            decision,
            zeros,
            {name: torch.full_like(value, 0.1) for name, value in zeros.items()},
            inputs=torch.tensor([[[1.0, 2.0]]]),
            ratings=torch.tensor([[3.0]]),
            mask=torch.tensor([[True]]),
            prior_ratings=torch.tensor(0.0),
            steps=1,
            second_order=False,
        )
        torch.testing.assert_close(adapted["0.weight"], torch.tensor([[[0.6, 1.2]]]))
        torch.testing.assert_close(adapted["0.bias"], torch.tensor([[0.6]]))

    def test_user_without_ratings_keeps_the_global_parameters(self) -> None:
        task = random_task()
        adapted = adapt(task, mask_of(SUPPORT_SIZES), steps=3)
        alone = SUPPORT_SIZES.index(0)
        assert all(torch.equal(adapted[name][alone], value) for name, value in task.parameters.items())

    def test_user_without_ratings_and_without_a_prior_keeps_them_too(self) -> None:
        task = Task(**{**vars(random_task(support=0)), "prior": torch.tensor(0.0)})
        adapted = adapt(task, mask_of([0, 0, 0, 0], 0), steps=3)
        assert all(torch.equal(adapted[name][0], value) for name, value in task.parameters.items())

    def test_no_steps_change_nothing(self) -> None:
        task = random_task()
        adapted = adapt(task, mask_of(SUPPORT_SIZES), steps=0)
        assert all(torch.equal(own, value) for name, value in task.parameters.items() for own in adapted[name])

    def test_every_user_with_ratings_is_moved(self) -> None:
        task = random_task()
        adapted = adapt(task, mask_of(SUPPORT_SIZES), steps=1)
        moved = [bool((own != task.parameters["4.bias"]).any()) for own in adapted["4.bias"]]
        assert moved == [size > 0 for size in SUPPORT_SIZES]

    def test_prior_shortens_one_step_to_n_of_n_plus_c(self) -> None:
        task = random_task().to(torch.float64)
        without = Task(**{**vars(task), "prior": torch.tensor(0.0, dtype=torch.float64)})
        mask = mask_of(SUPPORT_SIZES)
        short, full = adapt(task, mask, steps=1), adapt(without, mask, steps=1)
        for name, value in task.parameters.items():
            for user, size in enumerate(SUPPORT_SIZES):
                share = size / (size + task.prior)
                torch.testing.assert_close(short[name][user] - value, share * (full[name][user] - value))

    def test_scalar_rates_are_the_same_rate_for_every_number(self) -> None:
        task, mask = random_task(), mask_of(SUPPORT_SIZES)
        scalar = Task(**{**vars(task), "rates": {name: torch.tensor(0.03) for name in task.rates}})
        full = Task(**{**vars(task), "rates": {name: torch.full_like(own, 0.03) for name, own in task.rates.items()}})
        expected = adapt(full, mask, steps=2)
        for name, value in adapt(scalar, mask, steps=2).items():
            torch.testing.assert_close(value, expected[name])

    def test_first_order_gives_gradients_to_the_rates_and_the_prior_too(self) -> None:
        task = random_task().to(torch.float64)
        predictions = batched_predictions(task, steps=2, second_order=False)
        gradients = gradients_of_query_loss(task, cut_to_sizes(predictions))
        assert all(gradients[name].abs().sum() > 0 for name in ["prior", *(f"rate {own}" for own in task.rates)])

    def test_first_order_gives_no_gradient_to_the_support_items(self) -> None:
        task = random_task().to(torch.float64)
        predictions = batched_predictions(task, steps=2, second_order=False)
        assert not gradients_of_query_loss(task, cut_to_sizes(predictions))["support items"].any()


def sizes_and_padding() -> st.SearchStrategy[tuple[list[int], int, int]]:
    sizes = st.lists(st.integers(0, 5), min_size=len(SUPPORT_SIZES), max_size=len(SUPPORT_SIZES))
    return st.tuples(sizes, st.integers(0, 4), st.integers(0, 1000))


class TestInvariances:
    @given(sizes_and_padding())
    def test_neither_the_content_nor_the_amount_of_padding_matters(self, drawn: tuple[list[int], int, int]) -> None:
        sizes, extra, seed = drawn
        narrow = random_task(seed=seed, support=max(sizes)).to(torch.float64)
        mask = mask_of(sizes, max(sizes) + extra)
        junk = random_task(seed=seed + 1, support=max(sizes) + extra).to(torch.float64)
        items, ratings = junk.support_items.detach() * 1e3, junk.support_ratings.detach() * 1e3
        items[mask], ratings[mask] = (
            narrow.support_items[mask_of(sizes)].detach(),
            narrow.support_ratings[mask_of(sizes)].detach(),
        )
        wide = Task(**{**vars(narrow), "support_items": items, "support_ratings": ratings})
        expected = adapt(narrow, mask_of(sizes), steps=2)
        for name, value in adapt(wide, mask, steps=2).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-10)

    @given(st.permutations(range(6)))
    def test_the_order_of_the_support_set_does_not_matter(self, order: list[int]) -> None:
        task, mask = random_task().to(torch.float64), mask_of(SUPPORT_SIZES)
        shuffled = Task(
            **{
                **vars(task),
                "support_items": task.support_items[:, order],
                "support_ratings": task.support_ratings[:, order],
            }
        )
        expected = adapt(task, mask, steps=3)
        for name, value in adapt(shuffled, mask[:, order], steps=3).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-10)

    def test_who_else_is_in_the_batch_does_not_matter(self) -> None:
        task, mask = random_task().to(torch.float64), mask_of(SUPPORT_SIZES)
        together = adapt(task, mask, steps=3)
        for user in range(len(SUPPORT_SIZES)):
            rows = {
                name: getattr(task, name)[user : user + 1] for name in ("users", "support_items", "support_ratings")
            }
            alone = adapt(Task(**{**vars(task), **rows}), mask[user : user + 1], steps=3)
            for name, value in alone.items():
                torch.testing.assert_close(value[0], together[name][user], rtol=1e-10, atol=1e-10)


class TestGradientNorms:
    @pytest.fixture
    def task(self) -> Task:
        return random_task().to(torch.float64)

    def test_equal_autograd_of_each_prediction(self, task: Task) -> None:
        adapted = {name: value.detach() for name, value in adapt(task, mask_of(SUPPORT_SIZES), steps=2).items()}
        actual = gradient_norms(decision_layers(), adapted, task.users, task.query_items)
        for user in range(len(task.users)):
            own = {name: value[user].clone().requires_grad_() for name, value in adapted.items()}
            for row, item in enumerate(task.query_items[user]):
                prediction = network(own, torch.cat([task.users[user], item]).detach().unsqueeze(0)).sum()
                gradients = torch.autograd.grad(prediction, list(own.values()))
                expected = torch.cat([gradient.flatten() for gradient in gradients]).norm()
                torch.testing.assert_close(actual[user, row], expected, rtol=1e-12, atol=0.0)

    def test_are_the_same_without_gradients_enabled(self, task: Task) -> None:
        adapted = adapt(task, mask_of(SUPPORT_SIZES), steps=1)
        expected = gradient_norms(decision_layers(), adapted, task.users, task.query_items)
        with torch.no_grad():
            actual = gradient_norms(decision_layers(), adapted, task.users, task.query_items)
        assert torch.equal(actual, expected)
        assert not expected.requires_grad
