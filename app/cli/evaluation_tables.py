"""The report of an evaluation as tables in a terminal."""

import textwrap
from collections.abc import Iterator

import typer
from rich.text import Text

from app.cli.output import Cells, print_figures, print_text
from models.evaluation import Estimate, EvaluationReport, StateReport
from models.evaluation.figures import GroupDifferences, ListTable
from models.metrics import GINI, WORST_TENTH, measure_title
from models.metrics.lists import DISTINCT_ITEMS, LIST_NDCG, LIST_SIMILARITY

_COLUMN_WIDTH = 13
_SHOWN = ("mae", "mae_of_mean", "rmse", "ndcg@1_linear", "ndcg@3_linear", "nll")
"""The measures that fit into a terminal."""

_INEQUALITY = (WORST_TENTH.name, GINI.name)
"""Likewise, of the inequality of the users' errors."""

_CHANGES = (
    "rating\nchanges by",
    "top 10\nstays",
    "rating\nchanges by,\nwithout\nratings",
    "top 10\nstays,\nwithout\nratings",
)
"""Titles of what changes with an attribute."""

_NAMES = "95 % intervals as ±"
_NO_INTERVAL = "—"


def print_report(report: EvaluationReport) -> None:
    """Print the figures of each state and of the lists, and what a reader must know of them."""
    for state in report.states:
        if state.predictors:
            _print_state(state)
        else:
            print_text(f"{state.state}: no user has enough ratings")
    if report.decoding:
        print_text(report.decoding)
    if report.lists:
        _print_lists("lists of the whole catalogue", report.lists.catalogue)
        if report.lists.new_items:
            _print_lists("lists of new items alone", report.lists.new_items)
    if report.group_differences:
        _print_groups(report.group_differences)
    if any(not estimate.has_interval for estimate in _estimates(report)):
        print_text(f"{_NO_INTERVAL}: no interval, because it is the figure of a single user.")
    for note in (*report.notes, *(report.lists.notes if report.lists else ())):
        print_text(f"note: {note}")
    print_text("Further measures, curves and calibration: --json FILE, --html FILE.")


def _print_state(state: StateReport) -> None:
    print_text(f"{state.state}: {state.users:,} users, {state.mean_support:.1f} support ratings on average")
    shown = [measure for measure in _SHOWN if measure in state.predictors[0].measures]
    inequality = [measure for measure in _INEQUALITY if measure in state.predictors[0].inequality]
    headers = ["\n".join(textwrap.wrap(measure_title(measure), _COLUMN_WIDTH)) for measure in (*shown, *inequality)]
    rows: list[Cells] = []
    for predictor in state.predictors:
        estimates = [
            *(predictor.measures.get(measure) for measure in shown),
            *(predictor.inequality.get(measure) for measure in inequality),
        ]
        rows.append((predictor.name, *("" if estimate is None else _cell(estimate) for estimate in estimates)))
    print_figures((_NAMES, *headers), rows)
    for line in _users_left_out(state):
        print_text(line)


def _print_lists(title: str, lists: ListTable) -> None:
    typer.echo()
    print_text(f"{title}: {lists.users:,} new users, {lists.items:,} items; {LIST_NDCG.title} after … ratings")
    rows: list[Cells] = []
    for contestant in lists.contestants:
        over_all = contestant.by_size[-1].over_all
        similarity = over_all.get(LIST_SIMILARITY.name)
        rows.append(
            (
                contestant.name,
                *(_cell(cell.measures[LIST_NDCG.name]) for cell in contestant.by_size),
                f"{over_all[DISTINCT_ITEMS.name]:,.0f}",
                "" if similarity is None else f"{similarity:.2f}",
            )
        )
    print_figures((_NAMES, *map(str, lists.sizes), "items", "alike"), rows)
    print_text(f"items: {DISTINCT_ITEMS.title}; alike: {LIST_SIMILARITY.title}; both after {lists.sizes[-1]} ratings")


def _print_groups(found: GroupDifferences) -> None:
    typer.echo()
    print_text(f"groups of users in {found.state}: {found.users:,} users; gap between the worst and the best group")
    names = list(dict.fromkeys(measure for attribute in found.attributes for measure in attribute.gaps))
    titles = [_NAMES, "groups"]
    for measure in names:
        titles += ["\n".join(textwrap.wrap(f"{measure_title(measure)}: gap", _COLUMN_WIDTH)), "by chance"]
    rows: list[Cells] = []
    for attribute in found.attributes:
        row: list[str | Text] = [attribute.attribute, str(len(attribute.groups))]
        for measure in names:
            gap = attribute.gaps.get(measure)
            row += ["", ""] if gap is None else [_cell(gap.gap), f"{gap.chance:.3f}"]
        for change in (attribute.with_support, attribute.without_support):
            row += ["", ""] if change is None else [_cell(change.rating_change), _cell(change.shared_items)]
        rows.append(row)
    print_figures((*titles, *_CHANGES), rows)
    print_text("by chance: the share of random divisions into groups of the same sizes with as large a gap")
    print_text(
        f"changes: those of {found.changed_users} users if only the attribute changes, to the value of another user"
    )
    for attribute in found.attributes:
        if attribute.small_groups:
            print_text(
                f"{attribute.attribute}: groups with fewer than {found.least_users} users are left out: "
                f"{attribute.small_groups:,}, with {attribute.small_group_users:,} users"
            )


def _users_left_out(state: StateReport) -> list[str]:
    """One line for each measure of each predictor that is undefined for some users."""
    return [
        f"{predictor.name}: {measure_title(measure)} is undefined for {estimate.undefined_users:,} users; "
        "they are left out of it"
        for predictor in state.predictors
        for measure, estimate in predictor.measures.items()
        if measure in _SHOWN and estimate.undefined_users
    ]


def _estimates(report: EvaluationReport) -> Iterator[Estimate]:
    """All figures of the tables."""
    for state in report.states:
        for predictor in state.predictors:
            yield from (predictor.measures[measure] for measure in _SHOWN if measure in predictor.measures)
            yield from (predictor.inequality[measure] for measure in _INEQUALITY if measure in predictor.inequality)
    if report.lists:
        for table in filter(None, (report.lists.catalogue, report.lists.new_items)):
            for contestant in table.contestants:
                yield from (cell.measures[LIST_NDCG.name] for cell in contestant.by_size)


def _cell(estimate: Estimate) -> Text:
    if not estimate.has_interval:
        return Text.assemble(f"{estimate.value:.3f} ", (_NO_INTERVAL, "dim"))
    low, high = estimate.ends
    return Text.assemble(f"{estimate.value:.3f} ", (f"±{(high - low) / 2:.3f}", "dim"))
