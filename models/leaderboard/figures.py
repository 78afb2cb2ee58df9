"""The figures of a leaderboard: averages over seeds and users, their intervals, and paired differences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import State
from models.evaluation.estimates import UserValues, compare_means, compare_measures, estimate_means, estimate_measures
from models.evaluation.figures import ComparedMeasure, Estimate, ReportPart
from models.leaderboard.jobs import Failure, Step, adaptation_jobs, planned_jobs, result_of
from models.leaderboard.lists import CATALOGUE, MEASURED, NEW_ITEMS, USERS, cell_name
from models.leaderboard.store import Cells, load_cells
from models.leaderboard.workbench import ADAPTED, NOT_ADAPTED, Workbench
from models.metrics import MAE, MEASURES
from models.metrics.bootstrap import interval_95
from models.metrics.inequality import GINI, INEQUALITIES, WORST_TENTH
from models.metrics.lists import LIST_NDCG
from models.metrics.measure import mean_where
from models.training.preset import Preset
from models.training.searches import stored_search

LIST_SIZES = (0, 1, 3, 5, 10, 20)
"""The numbers of ratings after which lists are measured, if users have enough."""

_MAIN_SIZE = 5
"""The number of ratings after which the main table shows lists, if users have enough."""

_SPREADS = (GINI, INEQUALITIES["theil"], WORST_TENTH)
_SEED = 0

_SPREAD_RESAMPLES = 300
"""Resamples for the intervals of measures of spread, which take longer than means."""


class Kind(StrEnum):
    """What a contestant is."""

    LEARNER = "learner"
    CHOOSER = "choice model"
    BASELINE = "baseline"
    LIST_BASELINE = "baseline for lists"


class StateFigures(ReportPart):
    """A contestant's predicted ratings in one state.

    Attributes:
        measures: By the names in `models.metrics.MEASURES`; one that is undefined for all users is missing.
        less_reference: The paired difference contestant − reference of each measure; empty for the reference.
        not_adapted: The measures of a learner without adaptation; empty for a baseline.
        adaptation: The paired difference adapted − not adapted of each measure; empty for a baseline.
        spread: How unequally the users' MAE is spread: by the names of measures in `models.metrics.inequality`.
    """

    measures: dict[str, Estimate]
    less_reference: dict[str, Estimate]
    not_adapted: dict[str, Estimate]
    adaptation: dict[str, Estimate]
    spread: dict[str, Estimate]


class ListFigures(ReportPart):
    """A contestant's lists after one number of ratings.

    Attributes:
        measures: By the names in `models.metrics.lists.LIST_MEASURES`.
        less_reference: The paired difference contestant − reference of each measure; empty for the reference.
    """

    measures: dict[str, Estimate]
    less_reference: dict[str, Estimate]


class Contestant(ReportPart):
    """A learner or a baseline.

    Attributes:
        name: Of the preset or baseline.
        kind: What it is.
        states: By the label of the state; empty without predicted ratings.
        catalogue: By the number of ratings, lists of the whole catalogue; empty without lists.
        new_items: By the number of ratings, lists of new items alone; empty without them.
        training_seconds: Processor time of training the learner, validation left out, mean over seeds; None for others.
        adaptation_milliseconds: How long it takes to adapt to one user and to score the catalogue; None for others.
        parameters: How many numbers training changed; None for others.
        tried_settings: How many settings its search tried (`models.training.searches`); 0 without a search.
    """

    name: str
    kind: Kind
    states: dict[str, StateFigures]
    catalogue: dict[int, ListFigures]
    new_items: dict[int, ListFigures]
    training_seconds: float | None = None
    adaptation_milliseconds: float | None = None
    parameters: int | None = None
    tried_settings: int = 0


class Missing(ReportPart):
    """A contestant without figures.

    Attributes:
        name: Of the preset or baseline.
        reason: Why.
        is_left_out: Whether that is no fault: a package is missing, or the data set is too large for it.
    """

    name: str
    reason: str
    is_left_out: bool


class Leaderboard(ReportPart):
    """All figures of a leaderboard.

    Attributes:
        data: The name of the data set.
        fingerprint: Of its contents.
        reference: The name of the preset that the others are compared with.
        seeds: How many seeds each figure averages over.
        users: By the label of the state, how many users are measured in it.
        list_users: By what is ranked, how many users have lists with the first seed.
        items: How many items the catalogue has.
        contestants: The best first: by the MAE of new users, then by the nDCG of their lists.
        missing: What has no figures, and why.
    """

    data: str
    fingerprint: str
    reference: str
    seeds: int
    users: dict[str, int]
    list_users: dict[str, int]
    items: int
    contestants: tuple[Contestant, ...]
    missing: tuple[Missing, ...]

    @property
    def feedback(self) -> str:
        """What users are known by, in words."""
        return "ratings" if self.users else "interactions"

    @property
    def main_size(self) -> int | None:
        """How many ratings or interactions the lists of the main table and the plots know of; None without lists."""
        sizes = {size for contestant in self.contestants for size in contestant.catalogue}
        return max((size for size in sizes if size <= _MAIN_SIZE), default=None)

    def to_json(self) -> str:
        """As JSON of one line, with six significant digits: more than the intervals tell, and half of the size."""
        return json.dumps(_rounded(self.model_dump(mode="json")), separators=(",", ":"))


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same JSON, with numbers of six significant digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class _Results:
    """What was measured of one contestant; each list has one entry a seed.

    Attributes:
        name: Of the preset or baseline.
        kind: What it is.
        errors: By state, the measures of predicted ratings; none without them.
        not_adapted: The same of a learner without adaptation.
        lists: By cell, the measures of lists; none without them.
        figures: The other fields of a `Contestant`.
    """

    name: str
    kind: Kind
    errors: Sequence[Cells] = ()
    not_adapted: Sequence[Cells] = ()
    lists: Sequence[Cells] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def leaderboard_of(bench: Workbench, failures: Sequence[Failure]) -> Leaderboard:
    """The figures of all contestants whose results are there for every seed."""
    results = _results(bench)
    reference = next((result for result in results if result.name == bench.config.reference.name), None)
    contestants = [_contestant(bench, result, reference) for result in results]
    errors = next((result.errors[0] for result in results if result.errors), {})
    cells = next((result.lists[0] for result in results if result.lists), {})
    return Leaderboard(
        data=bench.dataset.schema.name,
        fingerprint=bench.dataset.fingerprint,
        reference=bench.config.reference.name,
        seeds=bench.config.seeds,
        users={state: len(values[MAE.name]) for state, values in errors.items()},
        list_users={name: len(cells[cell][USERS]) for name, cell in _first_cells(cells).items()},
        items=len(bench.dataset.items),
        contestants=tuple(sorted(contestants, key=_order)),
        missing=tuple(
            Missing(name=failure.name, reason=failure.reason, is_left_out=failure.is_left_out) for failure in failures
        ),
    )


def _results(bench: Workbench) -> list[_Results]:
    """The results of all contestants that have them for every seed, presets first."""
    results = []
    for preset in bench.config.presets:
        jobs = [job for job in (*planned_jobs(bench), *adaptation_jobs(bench)) if job.name == preset.name]
        if all(result_of(bench, job).exists() for job in jobs):
            results.append(_preset_results(bench, preset))
    for job in planned_jobs(bench):
        file = result_of(bench, job)
        if job.step is Step.BASELINE and file.exists():
            results.append(_Results(job.name, Kind.BASELINE, errors=_by_seed(bench, load_cells(file))))
        elif job.step is Step.LIST_BASELINE and file.exists():
            results.append(_Results(job.name, Kind.LIST_BASELINE, lists=_by_seed(bench, load_cells(file))))
    return results


def _preset_results(bench: Workbench, preset: Preset) -> _Results:
    seeds = range(bench.config.seeds)
    lists = [load_cells(bench.lists_file(preset, seed)) for seed in seeds]
    if preset.learner is None:
        return _Results(preset.name, Kind.CHOOSER, lists=lists)
    errors = [load_cells(bench.errors_file(preset, seed)) for seed in seeds]
    trainings = [bench.training(preset, seed) for seed in seeds]
    return _Results(
        preset.name,
        Kind.LEARNER,
        errors=[_under(ADAPTED, cells) for cells in errors],
        not_adapted=[_under(NOT_ADAPTED, cells) for cells in errors],
        lists=lists,
        figures={
            "training_seconds": float(np.mean([training.seconds for training in trainings])),
            "adaptation_milliseconds": bench.adaptation_milliseconds(preset),
            "parameters": trainings[0].parameters,
            "tried_settings": 0 if (search := stored_search(preset.name)) is None else len(search.trials),
        },
    )


def _by_seed(bench: Workbench, cells: Cells) -> list[Cells]:
    return [_under(str(seed), cells) for seed in range(bench.config.seeds)]


def _under(prefix: str, cells: Cells) -> Cells:
    return {name.removeprefix(f"{prefix}-"): cell for name, cell in cells.items() if name.startswith(f"{prefix}-")}


def _first_cells(cells: Cells) -> dict[str, str]:
    """By what is ranked, the cell of the lists before any rating."""
    return {name: cell for name in (CATALOGUE, NEW_ITEMS) if (cell := cell_name(name, 0)) in cells}


def _contestant(bench: Workbench, result: _Results, reference: _Results | None) -> Contestant:
    other = None if reference is result else reference
    return Contestant(
        name=result.name,
        kind=result.kind,
        states={state.label: _state(bench, state, result, other) for state in bench.states if result.errors},
        catalogue=_lists(bench, CATALOGUE, result, other),
        new_items=_lists(bench, NEW_ITEMS, result, other),
        **result.figures,
    )


def _state(bench: Workbench, state: State, result: _Results, reference: _Results | None) -> StateFigures:
    bootstrap = {"resamples": bench.config.bootstrap_resamples, "seed": _SEED}
    values = _over_seeds(result.errors, state)
    others = _over_seeds(reference.errors, state) if reference is not None and reference.errors else {}
    unadapted = _over_seeds(result.not_adapted, state) if result.not_adapted else {}
    return StateFigures(
        measures=estimate_measures(values, **bootstrap),
        less_reference=_differences(compare_measures(values, others, **bootstrap)) if others else {},
        not_adapted=estimate_measures(unadapted, **bootstrap) if unadapted else {},
        adaptation=_differences(compare_measures(values, unadapted, **bootstrap)) if unadapted else {},
        spread=_spread(np.stack([cells[state.label][MAE.name] for cells in result.errors])),
    )


def _differences(compared: Mapping[str, ComparedMeasure]) -> dict[str, Estimate]:
    return {name: measure.difference for name, measure in compared.items()}


def _over_seeds(seeds: Sequence[Cells], state: State) -> UserValues:
    """Each user's value of each measure, averaged over seeds; the users are the same with every seed."""
    cells = [cells[state.label] for cells in seeds]
    return {name: MEASURES[name].average(np.stack([cell[name] for cell in cells])) for name in cells[0]}


def _spread(errors: NDArray[np.float64]) -> dict[str, Estimate]:
    """The spread of the users' errors (float64 [seeds, users]), mean over seeds, with intervals over users."""
    users = errors.shape[1]
    draws = np.random.default_rng(_SEED).multinomial(users, np.full(users, 1 / users), size=_SPREAD_RESAMPLES)
    found = {}
    for measure in _SPREADS:
        value = float(np.mean([measure.of(of_seed) for of_seed in errors]))
        samples = np.mean([measure.of(of_seed, draws.astype(np.float64)) for of_seed in errors], axis=0)
        low, high = interval_95(samples[:, None])[:, 0]
        found[measure.name] = Estimate(
            value=value, low=float(low) if users > 1 else None, high=float(high) if users > 1 else None
        )
    return found


def _lists(bench: Workbench, ranked: str, result: _Results, reference: _Results | None) -> dict[int, ListFigures]:
    figures = {}
    for size in LIST_SIZES:
        cell = cell_name(ranked, size)
        if not all(cell in cells for cells in result.lists) or not result.lists:
            continue
        values = _lists_over_seeds(result.lists, cell)
        has_other = reference is not None and all(cell in cells for cells in reference.lists) and reference.lists
        others = _lists_over_seeds(reference.lists, cell) if reference is not None and has_other else None
        figures[size] = _list_figures(bench, values, others)
    return figures


def _list_figures(bench: Workbench, values: UserValues, others: UserValues | None) -> ListFigures:
    bootstrap = {"resamples": bench.config.bootstrap_resamples, "seed": _SEED}
    columns = np.stack(list(values.values()), axis=1)
    return ListFigures(
        measures=dict(zip(values, estimate_means(columns, **bootstrap), strict=True)),
        less_reference={} if others is None else _differences(compare_means(values, others, **bootstrap)),
    )


def _lists_over_seeds(seeds: Sequence[Cells], cell: str) -> UserValues:
    """Each user's value of each measure, averaged over the seeds with which the user has a list."""
    users = np.unique(np.concatenate([cells[cell][USERS] for cells in seeds]))
    averages = {}
    for name in MEASURED:
        values = np.full((len(seeds), len(users)), np.nan)
        for row, cells in enumerate(seeds):
            values[row, np.searchsorted(users, cells[cell][USERS])] = cells[cell][name]
        averages[name] = mean_where(values, ~np.isnan(values), axis=0)
    return averages


def _order(contestant: Contestant) -> tuple[bool, float]:
    """By the MAE of new users, or of the first state there is; those without errors follow, by their lists."""
    state = contestant.states.get(State.USER_COLD.label) or next(iter(contestant.states.values()), None)
    if state is not None:
        return False, state.measures[MAE.name].value
    sizes = contestant.catalogue or contestant.new_items
    size = max((size for size in sizes if size <= _MAIN_SIZE), default=None)
    return True, 0.0 if size is None else -sizes[size].measures[LIST_NDCG.name].value
