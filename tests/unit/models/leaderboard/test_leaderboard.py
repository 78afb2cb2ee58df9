from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.reader import read_dataset
from models.leaderboard.config import LeaderboardConfig
from models.leaderboard.figures import Contestant, Kind, Leaderboard, leaderboard_of
from models.leaderboard.jobs import Job, Step, do_jobs
from models.leaderboard.page import main_table, page
from models.leaderboard.store import load_cells
from models.leaderboard.workbench import ADAPTED, NOT_ADAPTED, Workbench
from models.metrics import MAE
from models.training.preset import Preset
from tests.choice import SMALL_CHOICE
from tests.unit.models.leaderboard.conftest import INPUTS, Made, Seen, presets


def named(leaderboard: Leaderboard, name: str) -> Contestant:
    return next(contestant for contestant in leaderboard.contestants if contestant.name == name)


def test_every_contestant_has_the_figures_of_its_kind(made: Made) -> None:
    kinds = {contestant.name: contestant.kind for contestant in made.leaderboard.contestants}
    assert kinds == {
        "steps": Kind.LEARNER,
        "neighbours": Kind.LEARNER,
        "item mean + user bias": Kind.BASELINE,
        "popularity": Kind.LIST_BASELINE,
        "attribute neighbours": Kind.LIST_BASELINE,
    }
    for name in ("steps", "neighbours"):
        learner = named(made.leaderboard, name)
        assert set(learner.states) == set(made.leaderboard.users)
        assert learner.catalogue
        assert (learner.training_seconds or 0) > 0
        assert (learner.adaptation_milliseconds or 0) > 0
        assert (learner.parameters or 0) > 0
    assert not named(made.leaderboard, "popularity").states
    assert not named(made.leaderboard, "item mean + user bias").catalogue


def test_all_contestants_have_the_same_users(made: Made) -> None:
    bench, (steps, neighbours, _) = made.bench, presets()
    for seed in range(2):
        files = [bench.errors_file(steps, seed), bench.errors_file(neighbours, seed)]
        shapes = [{cell: len(values[MAE.name]) for cell, values in load_cells(file).items()} for file in files]
        assert shapes[0] == shapes[1]
        lists = [load_cells(bench.lists_file(preset, seed)) for preset in (steps, neighbours)]
        for cell, values in lists[0].items():
            np.testing.assert_array_equal(values["users"], lists[1][cell]["users"])


def test_figures_are_means_over_seeds_and_users(made: Made) -> None:
    steps, *_ = presets()
    cells = [load_cells(made.bench.errors_file(steps, seed)) for seed in range(2)]
    adapted, not_adapted = (
        np.mean([each[f"{variant}-user_cold"][MAE.name] for each in cells]) for variant in (ADAPTED, NOT_ADAPTED)
    )
    figures = named(made.leaderboard, "steps").states["user_cold"]
    assert figures.measures[MAE.name].value == pytest.approx(adapted)
    assert figures.not_adapted[MAE.name].value == pytest.approx(not_adapted)
    assert figures.adaptation[MAE.name].value == pytest.approx(adapted - not_adapted)


def test_differences_are_to_the_reference(made: Made) -> None:
    steps, neighbours = (named(made.leaderboard, name).states["user_cold"] for name in ("steps", "neighbours"))
    assert not steps.less_reference
    assert neighbours.less_reference[MAE.name].value == pytest.approx(
        neighbours.measures[MAE.name].value - steps.measures[MAE.name].value
    )


def test_seeds_train_different_models(made: Made) -> None:
    steps, *_ = presets()
    first, second = (load_cells(made.bench.errors_file(steps, seed)) for seed in range(2))
    cell = f"{ADAPTED}-user_cold"
    assert not np.array_equal(first[cell][MAE.name], second[cell][MAE.name])


def test_a_broken_preset_is_reported_and_loses_no_other(made: Made) -> None:
    assert {failure.name for failure in made.failures} == {"broken"}
    reasons = {missing.reason for missing in made.leaderboard.missing}
    assert any("stopping_measure" in reason and "broken" in reason for reason in reasons)
    assert "broken" not in {contestant.name for contestant in made.leaderboard.contestants}


def test_a_second_run_does_only_what_failed(made: Made) -> None:
    seen = Seen()
    do_jobs(made.bench, processes=1, observer=seen)
    assert {job.name for job in seen.jobs} == {"broken"}
    assert leaderboard_of(made.bench, made.failures) == made.leaderboard


def with_presets(made: Made, *changed: object) -> LeaderboardConfig:
    return made.bench.config.model_copy(update={"presets": changed})


def test_a_changed_preset_is_measured_anew_and_the_others_are_not(made: Made) -> None:
    steps, neighbours, _ = presets()
    longer = neighbours.with_training(epochs=5)
    bench = replace(made.bench, config=with_presets(made, steps, longer))
    assert not bench.errors_file(longer, 0).exists()
    assert bench.errors_file(steps, 0).exists()


class KilledError(BaseException):
    """As a kill, nothing in the program expects it."""


class Epochs(Seen):
    """Remembers the epochs that were trained, and is killed when one begins."""

    def __init__(self, killed_at: str = "") -> None:
        super().__init__()
        self.told: set[str] = set()
        self._killed_at = killed_at

    def progressed(self, job: Job, share: float, what: str) -> None:  # noqa: ARG002 - part of the interface
        if job.step is Step.LEARNER and what.startswith("epoch"):
            if what == self._killed_at:
                raise KilledError
            self.told.add(what)


def test_an_interrupted_training_goes_on_from_its_checkpoint(made: Made) -> None:
    other = presets()[1].model_copy(update={"name": "other"})
    config = with_presets(made, presets()[0], other).model_copy(update={"seeds": 1})
    bench = replace(made.bench, config=config)
    with pytest.raises(KilledError):
        do_jobs(bench, processes=1, observer=Epochs(killed_at="epoch 4 of 4"))
    second = Epochs()
    assert not do_jobs(bench, processes=1, observer=second)
    assert second.told == {"epoch 4 of 4"}


def test_the_json_has_every_figure_to_six_digits(made: Made) -> None:
    written = Leaderboard.model_validate_json(made.leaderboard.to_json())
    for read, own in zip(numbers(written.model_dump()), numbers(made.leaderboard.model_dump()), strict=True):
        assert read == (pytest.approx(own, rel=1e-5) if isinstance(own, float) else own)
    assert written.seeds == 2


def numbers(value: object) -> list[object]:
    """All values of nested dictionaries and sequences, in their order."""
    if isinstance(value, dict):
        return [name for each in value.items() for name in numbers(each)]
    if isinstance(value, list | tuple):
        return [name for each in value for name in numbers(each)]
    return [value]


def test_without_ratings_there_are_lists_and_no_errors(purchases_dir: Path, tmp_path: Path) -> None:
    dataset, _ = read_dataset(purchases_dir)
    chooser = Preset(name="chooser", inputs=INPUTS, choice=SMALL_CHOICE)
    config = LeaderboardConfig(
        presets=(chooser,), reference=chooser, list_baselines=("popularity",), seeds=1, bootstrap_resamples=100
    )
    bench = Workbench(dataset, config, tmp_path)
    assert not do_jobs(bench, processes=1, observer=Seen())
    leaderboard = leaderboard_of(bench, [])
    assert {contestant.name for contestant in leaderboard.contestants} >= {"chooser", "popularity"}
    assert leaderboard.users == {}
    found = named(leaderboard, "chooser")
    assert found.kind is Kind.CHOOSER
    assert not found.states
    assert found.catalogue
    assert "Lists of the whole catalogue" in page(leaderboard)
    header, *rows = main_table(leaderboard)
    assert [row[0] for row in rows] == [one.name for one in leaderboard.contestants if one.catalogue]
    assert header == ["", f"nDCG@10 after {max(size for size in found.catalogue if size <= 5)}"]
