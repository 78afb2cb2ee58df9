"""Every baseline passes the checks of a predictor."""

import pkgutil
from importlib import import_module

import models.baselines
from models.baselines import BENCH_BASELINES, Baseline
from models.data.dataset import Dataset
from tests.contracts import checks
from tests.contracts.cases import Case


def test_registry_names_every_baseline_that_a_module_defines() -> None:
    modules = [
        import_module(f"models.baselines.{found.name}") for found in pkgutil.iter_modules(models.baselines.__path__)
    ]
    defined = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Baseline) and value is not Baseline
    }
    assert defined == set(BENCH_BASELINES)


class TestBaseline:
    def test_batch_gives_valid_predictions(self, baseline: Case) -> None:
        checks.check_batch_is_valid(baseline)

    def test_empty_support_gives_valid_predictions(self, baseline: Case) -> None:
        checks.check_empty_support_is_valid(baseline)

    def test_one_rating_gives_valid_predictions(self, baseline: Case) -> None:
        checks.check_one_rating_is_valid(baseline)

    def test_same_item_twice_gives_valid_predictions(self, baseline: Case) -> None:
        checks.check_same_item_twice_is_valid(baseline)

    def test_equal_ratings_of_all_items_give_valid_predictions(self, baseline: Case) -> None:
        checks.check_everything_rated_alike_is_valid(baseline)

    def test_new_items_get_valid_predictions(self, baseline: Case, dataset: Dataset) -> None:
        checks.check_new_items_are_valid(baseline, dataset)

    def test_batch_gives_the_same_as_each_user_alone(self, baseline: Case) -> None:
        checks.check_batch_equals_alone(baseline)

    def test_support_in_another_order_gives_the_same(self, baseline: Case) -> None:
        checks.check_support_order_does_not_matter(baseline)

    def test_query_in_another_order_gives_the_same(self, baseline: Case) -> None:
        checks.check_query_order_does_not_matter(baseline)

    def test_query_ratings_are_not_used(self, baseline: Case) -> None:
        checks.check_query_ratings_are_not_used(baseline)
