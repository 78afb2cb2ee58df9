import pytest

from models.baselines import ALL_BASELINES, BASELINES, BENCH_BASELINES, baseline_class


@pytest.mark.parametrize("name", BENCH_BASELINES)
def test_baseline_class_has_the_name_that_it_is_registered_by(name: str) -> None:
    if name not in ALL_BASELINES:
        pytest.importorskip("lightgbm", reason="LightGBM is only installed for the benchmarks")
    assert baseline_class(name).name == name


def test_quick_baselines_are_the_first_of_all() -> None:
    assert BENCH_BASELINES[: len(ALL_BASELINES)] == ALL_BASELINES
    assert ALL_BASELINES[: len(BASELINES)] == BASELINES
