"""What the figures say, computed from them: who is better than asking for the most popular items."""

from collections.abc import Iterator, Mapping
from itertools import chain

from benchmarks.elicitation.figures import DataFigures
from benchmarks.elicitation.measuring import SCREENS, UNKNOWN_NDCG, cell_name
from benchmarks.elicitation.strategies import KINDS, REFERENCE
from models.evaluation.figures import Estimate
from models.metrics import MAE
from models.metrics.lists import LIST_NDCG

POINTS = (10, 20)
LESS_ERROR, BETTER_LIST = 0.008, 0.03
"""What would be a clear gain: so much less MAE, and so much more nDCG@10, as a share of the reference's."""

BETTER, OPEN, WORSE = "better", "not to be told apart", "worse"

_NAMES = {MAE.name: "MAE", LIST_NDCG.name: "nDCG@10", UNKNOWN_NDCG: "nDCG@10 without known items"}


def reading(figures: Mapping[str, DataFigures]) -> str:
    """The critical reading."""
    count = len(next(iter(figures.values())).strategies) - 1
    cells = count * len(POINTS) * len(_NAMES) * len(figures)
    parts = [
        "## Reading the figures",
        f"This part is computed from the figures. It compares {count} strategies with `{REFERENCE}` after one and two "
        f"screens of ten, by MAE and by both kinds of nDCG@10: {cells} differences. If no strategy differed from it, "
        f"about {0.05 * cells:.0f} intervals would exclude 0 by chance, so one of them alone says little.",
        *(_verdicts(data, found) for data, found in figures.items()),
        _goals(figures),
        *(_halves(data, found) for data, found in figures.items()),
    ]
    return "\n\n".join(parts)


def _verdicts(data: str, found: DataFigures) -> str:
    lines = [f"**{data}**", ""]
    for measure, short in _NAMES.items():
        for point in POINTS:
            by_verdict: dict[str, list[str]] = {BETTER: [], OPEN: [], WORSE: []}
            for name, estimate in _differences(found, measure, point):
                by_verdict[_verdict(measure, estimate)].append(f"{name} ({estimate.value:+.4f})")
            said = (f"{verdict.capitalize()}: {_list(names)}" for verdict, names in by_verdict.items())
            lines.append(f"- {short} after {point} questions. {'. '.join(said)}.")
    return "\n".join(lines)


def _goals(figures: Mapping[str, DataFigures]) -> str:
    """Who gains clearly on all data sets: by enough in both measures, with intervals that exclude 0."""
    reached = [
        name
        for name in next(iter(figures.values())).strategies
        if name != REFERENCE
        and all(
            _reaches(found, name, measure, point)
            for found in figures.values()
            for measure in _NAMES
            for point in POINTS
        )
    ]
    partly = [
        f"{name} ({', '.join(sorted(cells))})"
        for name in next(iter(figures.values())).strategies
        if name != REFERENCE and name not in reached and (cells := set(_reached_cells(figures, name)))
    ]
    goal = (
        f"A clear gain would be {LESS_ERROR} less MAE and {100 * BETTER_LIST:.0f} % more nDCG@10 after 10 and after 20 "
        "questions on every data set, with intervals that exclude 0."
    )
    return f"{goal} It is reached by: {_list(reached)}. In some of these comparisons it is reached by: {_list(partly)}."


def _reached_cells(figures: Mapping[str, DataFigures], name: str) -> Iterator[str]:
    return chain.from_iterable(
        (f"{data}: {short} after {point}" for point in POINTS if _reaches(found, name, measure, point))
        for data, found in figures.items()
        for measure, short in _NAMES.items()
    )


def _reaches(found: DataFigures, name: str, measure: str, point: int) -> bool:
    cell = found.strategies[name][cell_name(SCREENS, point)][measure]
    reference = found.strategies[REFERENCE][cell_name(SCREENS, point)][measure].value.value
    gain = _gain(measure, cell.difference)
    needed = LESS_ERROR if measure == MAE.name else BETTER_LIST * reference
    return gain[0] >= needed and gain[1] > 0


def _halves(data: str, found: DataFigures) -> str:
    """Whether other questions than items do as well as the reference after half as many questions."""
    lines = [
        f"**{data}: half as many questions.** Other questions than those about single items, after 5 and 10 questions, "
        f"less `{REFERENCE}` after 10 and 20:",
        "",
    ]
    for name in KINDS:
        if name not in found.halved:
            continue
        for span, measures in found.halved[name].items():
            said = []
            for measure, short in _NAMES.items():
                estimate = measures[measure]
                said.append(f"{short} {estimate.value:+.4f}, {_verdict(measure, estimate)}")
            lines.append(f"- {name}, {span}: {'; '.join(said)}")
    return "\n".join(lines)


def _differences(found: DataFigures, measure: str, point: int) -> Iterator[tuple[str, Estimate]]:
    for name, cells in found.strategies.items():
        if name != REFERENCE:
            yield name, cells[cell_name(SCREENS, point)][measure].difference


def _verdict(measure: str, estimate: Estimate) -> str:
    _, low, high = _gain(measure, estimate)
    return BETTER if low > 0 else WORSE if high < 0 else OPEN


def _gain(measure: str, estimate: Estimate) -> tuple[float, float, float]:
    """A difference and its interval, as a gain: less error, or a better list."""
    assert estimate.low is not None  # noqa: S101 - there are many users
    assert estimate.high is not None  # noqa: S101 - likewise
    if measure == MAE.name:
        return -estimate.value, -estimate.high, -estimate.low
    return estimate.value, estimate.low, estimate.high


def _list(names: list[str]) -> str:
    return ", ".join(names) if names else "none"
