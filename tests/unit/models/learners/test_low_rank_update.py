"""The low-rank local update of many users, compared with plain autograd of one user at a time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.learners.low_rank_update import FirstLayerRows, Layer, LayerRates, local_update
from tests.unit.models.learners.local_update_task import (
    SUPPORT_SIZES,
    Task,
    adapted_by_autograd,
    autograd_predictions,
    batch_inputs_of,
    cut_to_sizes,
    gradients_of_query_loss,
    largest_difference,
    layers_of,
    low_rank_predictions,
    low_rank_update,
    mask_of,
    network,
    random_task,
    rows_of,
)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("second_order", [False, True], ids=["first-order", "second-order"])
@pytest.mark.parametrize("steps", [1, 5])
class TestAgainstAutograd:
    def test_predictions_of_a_batch_equal_autograd(
        self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float
    ) -> None:
        actual = low_rank_predictions(random_task().to(dtype), steps=steps, second_order=second_order)
        expected = autograd_predictions(random_task().to(torch.float64), steps=steps, second_order=second_order)
        assert largest_difference(torch.cat(cut_to_sizes(actual)), torch.cat(expected)) < tolerance

    def test_gradients_of_the_query_loss_equal_autograd(
        self, steps: int, second_order: bool, dtype: torch.dtype, tolerance: float
    ) -> None:
        batched, exact = random_task().to(dtype), random_task().to(torch.float64)
        predictions = low_rank_predictions(batched, steps=steps, second_order=second_order)
        actual = gradients_of_query_loss(batched, cut_to_sizes(predictions))
        expected = gradients_of_query_loss(exact, autograd_predictions(exact, steps=steps, second_order=second_order))
        differences = {name: largest_difference(actual[name], expected[name]) for name in expected}
        assert max(differences.values()) < tolerance, differences


def test_gradients_of_first_and_second_order_differ() -> None:
    gradients = []
    for second_order in (False, True):
        task = random_task().to(torch.float64)
        predictions = autograd_predictions(task, steps=1, second_order=second_order)
        gradients.append(gradients_of_query_loss(task, predictions)["θ2 0.weight"])
    assert largest_difference(*gradients) > 1e-3


@st.composite
def tasks_and_sizes(draw: st.DrawFn) -> tuple[Task, list[int]]:
    """Tasks with hidden layers of any number and width, and support sets of any size with any padding."""
    hidden = tuple(draw(st.lists(st.integers(1, 9), max_size=3)))
    sizes = draw(st.lists(st.integers(0, 7), min_size=len(SUPPORT_SIZES), max_size=len(SUPPORT_SIZES)))
    support = max(sizes) + draw(st.integers(0, 3))
    return random_task(seed=draw(st.integers(0, 10_000)), support=support, hidden=hidden), sizes


@given(tasks_and_sizes(), st.integers(0, 6), st.booleans())
def test_update_with_any_layers_supports_and_steps_equals_autograd(
    drawn: tuple[Task, list[int]], steps: int, second_order: bool
) -> None:
    task, sizes = drawn
    exact, double, single = task.to(torch.float64), task.to(torch.float64), task.to(torch.float32)
    expected = autograd_predictions(exact, sizes, steps=steps, second_order=second_order)
    predictions = cut_to_sizes(low_rank_predictions(double, sizes, steps=steps, second_order=second_order))
    assert largest_difference(torch.cat(predictions), torch.cat(expected)) < 1e-10
    rounded = cut_to_sizes(low_rank_predictions(single, sizes, steps=steps, second_order=second_order))
    assert largest_difference(torch.cat(rounded), torch.cat(expected)) < 1e-5
    expected_gradients = gradients_of_query_loss(exact, expected)
    for name, gradient in gradients_of_query_loss(double, predictions).items():
        assert largest_difference(gradient, expected_gradients[name]) < 1e-10, name


class TestAdaptedLayers:
    def test_one_step_of_one_layer_equals_the_calculation_by_hand(self) -> None:
        # For x = (1, 2) and y = 3 the prediction ŷ is 0. The loss 9 has the gradient 2 (ŷ − y) x = (−6, −12), and −6
        # for the bias. Rate .1 gives the weights (.6, 1.2) and the bias .6. They predict .6 + 1.2 + .6 for (1, 1).
        layer = Layer(torch.zeros(1, 2), torch.zeros(1))
        adapted, residuals = local_update(
            [layer],
            [LayerRates(torch.full((1,), 0.1), torch.ones(2), torch.tensor(1.0))],
            FirstLayerRows(torch.tensor([[1.0]]), torch.tensor([[[2.0]]]), torch.zeros(1, 1, 1)),
            ratings=torch.tensor([[3.0]]),
            mask=torch.tensor([[True]]),
            prior_ratings=torch.tensor(0.0),
            steps=1,
            second_order=False,
        )
        query = FirstLayerRows(torch.tensor([[1.0]]), torch.tensor([[[1.0]]]), torch.zeros(1, 1, 1))
        torch.testing.assert_close(adapted.predict(query), torch.tensor([[2.4]]))
        assert residuals.item() == 3.0

    def test_residuals_of_an_update_are_those_before_any_step(self) -> None:
        task = random_task()
        _, residuals = local_update(
            layers_of(task),
            [LayerRates(rates, torch.ones_like(rates), rates[0]) for rates in task.output_rates.values()],
            rows_of(task, task.support_items),
            ratings=task.support_ratings,
            mask=mask_of(SUPPORT_SIZES),
            prior_ratings=task.prior,
            steps=0,
            second_order=False,
        )
        expected = task.support_ratings - network(task.parameters, batch_inputs_of(task, task.support_items))
        torch.testing.assert_close(residuals, expected)

    def test_update_without_ratings_keeps_the_global_parameters(self) -> None:
        task = random_task()
        before, after = (low_rank_predictions(task, steps=steps, second_order=False) for steps in (0, 3))
        unmoved = [torch.allclose(*pair, rtol=1e-6) for pair in zip(before, after, strict=True)]
        assert unmoved == [size == 0 for size in SUPPORT_SIZES]

    def test_update_without_ratings_and_prior_keeps_the_global_parameters(self) -> None:
        task = Task(**{**vars(random_task(support=0)), "prior": torch.tensor(0.0)})
        before, after = (low_rank_predictions(task, [0] * 4, steps=steps, second_order=False) for steps in (0, 3))
        torch.testing.assert_close(before, after)

    def test_one_step_with_prior_ratings_is_scaled_by_n_over_n_plus_c(self) -> None:
        task = random_task(hidden=()).to(torch.float64)
        without = Task(**{**vars(task), "prior": torch.tensor(0.0, dtype=torch.float64)})
        before = low_rank_predictions(task, steps=0, second_order=False)
        scaled, full = (low_rank_predictions(some, steps=1, second_order=False) - before for some in (task, without))
        sizes = torch.tensor(SUPPORT_SIZES)
        torch.testing.assert_close(scaled, (sizes / (sizes + task.prior)).unsqueeze(1) * full)

    def test_first_order_gradients_reach_the_rates_and_the_prior(self) -> None:
        task = random_task().to(torch.float64)
        predictions = low_rank_predictions(task, steps=2, second_order=False)
        gradients = gradients_of_query_loss(task, cut_to_sizes(predictions))
        learned = [name for name in gradients if "rate" in name or name == "prior"]
        assert len(learned) == 7
        assert all(gradients[name].abs().sum() > 0 for name in learned)

    def test_first_order_gradients_of_the_support_items_are_0(self) -> None:
        task = random_task().to(torch.float64)
        predictions = low_rank_predictions(task, steps=2, second_order=False)
        assert not gradients_of_query_loss(task, cut_to_sizes(predictions))["support items"].any()

    @pytest.mark.parametrize("steps", [1, 2])
    def test_predictions_of_many_rows_equal_those_of_few(self, steps: int) -> None:
        few, mask = random_task(query=2).to(torch.float64), mask_of(SUPPORT_SIZES)
        many = few.query_items.repeat(1, 10, 1)
        adapted = low_rank_update(few, mask, steps=steps)
        expected = adapted.predict(rows_of(few, few.query_items)).repeat(1, 10)
        torch.testing.assert_close(adapted.predict(rows_of(few, many)), expected, rtol=1e-12, atol=0.0)


def sizes_and_padding() -> st.SearchStrategy[tuple[list[int], int, int]]:
    sizes = st.lists(st.integers(0, 5), min_size=len(SUPPORT_SIZES), max_size=len(SUPPORT_SIZES))
    return st.tuples(sizes, st.integers(0, 4), st.integers(0, 1000))


class TestInvariances:
    @given(sizes_and_padding())
    def test_predictions_with_other_padding_stay_the_same(self, drawn: tuple[list[int], int, int]) -> None:
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
        expected, actual = (low_rank_predictions(task, sizes, steps=2, second_order=False) for task in (narrow, wide))
        torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)

    @given(st.permutations(range(6)))
    def test_predictions_with_shuffled_support_stay_the_same(self, order: list[int]) -> None:
        task, mask = random_task().to(torch.float64), mask_of(SUPPORT_SIZES)
        shuffled = Task(
            **{
                **vars(task),
                "support_items": task.support_items[:, order],
                "support_ratings": task.support_ratings[:, order],
            }
        )
        query = rows_of(task, task.query_items)
        actual = low_rank_update(shuffled, mask[:, order], steps=3)
        expected = low_rank_update(task, mask, steps=3)
        torch.testing.assert_close(actual.predict(query), expected.predict(query), rtol=1e-10, atol=1e-10)

    def test_predictions_of_a_user_alone_equal_those_in_a_batch(self) -> None:
        task = random_task().to(torch.float64)
        batch = low_rank_predictions(task, steps=3, second_order=False)
        for user, size in enumerate(SUPPORT_SIZES):
            rows = {
                name: getattr(task, name)[user : user + 1]
                for name in ("users", "support_items", "support_ratings", "query_items")
            }
            alone = low_rank_predictions(Task(**{**vars(task), **rows}), [size], steps=3, second_order=False)
            torch.testing.assert_close(alone[0], batch[user], rtol=1e-10, atol=1e-10)


class TestGradientNorms:
    @pytest.fixture
    def task(self) -> Task:
        return random_task().to(torch.float64)

    def test_gradient_norms_equal_autograd_of_each_prediction(self, task: Task) -> None:
        with torch.no_grad():
            adapted = low_rank_update(task, mask_of(SUPPORT_SIZES), steps=2)
            actual = adapted.gradient_norms(rows_of(task, task.query_items))
        for user, parameters in enumerate(adapted_by_autograd(task, steps=2)):
            for row, item in enumerate(task.query_items[user]):
                prediction = network(parameters, torch.cat([task.users[user], item]).detach().unsqueeze(0)).sum()
                gradients = torch.autograd.grad(prediction, list(parameters.values()))
                expected = torch.cat([gradient.flatten() for gradient in gradients]).norm()
                torch.testing.assert_close(actual[user, row], expected, rtol=1e-10, atol=0.0)
