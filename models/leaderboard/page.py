"""A leaderboard as Markdown."""

from collections.abc import Callable, Mapping

from models.data.dataset import State
from models.evaluation.figures import Estimate
from models.leaderboard.figures import Contestant, Kind, Leaderboard, ListFigures, StateFigures
from models.leaderboard.markdown import difference, markdown_table, with_interval
from models.metrics import MAE, MEASURES, Direction, measure_caption, measure_title
from models.metrics.inequality import GINI, INEQUALITIES, WORST_TENTH
from models.metrics.lists import LIST_LENGTH, LIST_MEASURES, LIST_NDCG

_MEASURES = (MAE.name, "rmse", "ndcg@3_linear", "ndcg@3_exponential", "nll")
_LIST_MEASURES = (LIST_NDCG.name, f"recall@{LIST_LENGTH}")
_SPREADS = (GINI, INEQUALITIES["theil"], WORST_TENTH)
_NEW_USERS = State.USER_COLD.label

_EPISODES = """\
In each state, users with 13 to 100 ratings: 10 ratings of each are predicted from all the others; those of `warm` are
held out of training."""

_PROTOCOL = """\
Every contestant has the same episodes. Each seed trains every learner, and draws other episodes. A user's values are
averaged over the seeds, then over users; intervals are bootstrap 95 % intervals over users, and differences are paired
by user. The division into known and new users and items is the same for all seeds."""

_LISTS_OF_LEARNERS = """\
Lists are those that a service would show: of the 50 items that the user most likely chooses, the 10 with the highest
P(choose) · P(like). The choice model is the reference's for every learner, trained once for each seed, so that lists
differ by the learner alone. An item is relevant if the user liked it later."""

_LISTS_WITHOUT_RATINGS = """\
Lists are those that a service would show: the 10 items that the user most likely chooses, by the preset's own choice
model. An item is relevant if the user chose it later."""


def page(leaderboard: Leaderboard, *, plots: Mapping[str, str] | None = None) -> str:
    """The whole page.

    Args:
        leaderboard: The figures.
        plots: By title, the names of files with plots that stand beside the page.
    """
    parts = [
        f"# Leaderboard: {leaderboard.data}",
        summary(leaderboard),
        _main_table(leaderboard),
        _missing(leaderboard),
    ]
    if plots:
        parts.append("In the plots, learners are blue and baselines grey. Lines are 95 % intervals.")
        parts += [f"![{title}]({file})" for title, file in plots.items()]
    parts += ["## How it is measured", _PROTOCOL]
    if leaderboard.users:
        parts.append(_EPISODES)
    if any(contestant.catalogue for contestant in leaderboard.contestants):
        parts.append(_LISTS_OF_LEARNERS if leaderboard.users else _LISTS_WITHOUT_RATINGS)
    if leaderboard.users:
        parts += [_adaptation(leaderboard), *_errors(leaderboard)]
    parts += _lists(leaderboard, "Lists of the whole catalogue", lambda contestant: contestant.catalogue)
    parts += _lists(leaderboard, "Lists of new items alone", lambda contestant: contestant.new_items)
    return "\n\n".join(filter(None, parts)) + "\n"


def main_table(leaderboard: Leaderboard) -> list[list[str]]:
    """The rows of the main table, the header first: what has predicted ratings, or without ratings what has lists.

    A column that is empty in all rows is left out.
    """
    states, size = list(leaderboard.users), leaderboard.main_size
    rows = [
        [
            contestant.name,
            *(_value(_measures(contestant, state).get(MAE.name)) for state in states),
            _value(_list_ndcg(contestant.catalogue, size)),
            *(_value(_spread(contestant).get(measure.name)) for measure in (GINI, WORST_TENTH)),
            _number(contestant.training_seconds, ".0f"),
            _number(contestant.adaptation_milliseconds, ".1f"),
            _number(contestant.parameters, ","),
        ]
        for contestant in leaderboard.contestants
        if contestant.states or (contestant.catalogue and (not states or contestant.kind is Kind.CHOOSER))
    ]
    header = [
        "",
        *(f"{MAE.title} {state}" for state in states),
        f"{LIST_NDCG.title} after {size}",
        GINI.title,
        "worst tenth",
        "training s",
        "adaptation ms",
        "parameters",
    ]
    shown = [place for place in range(len(header)) if place == 0 or any(row[place] for row in rows)]
    return [[row[place] for place in shown] for row in (header, *rows)]


def beaten(leaderboard: Leaderboard) -> tuple[list[Contestant], list[Contestant]]:
    """The learners that are shown to beat their unadapted selves for new users, and those that are not."""
    learners = [one for one in leaderboard.contestants if one.kind is Kind.LEARNER and _NEW_USERS in one.states]
    better = [one for one in learners if verdict(one.states[_NEW_USERS].adaptation[MAE.name], MAE.direction) == BETTER]
    return better, [one for one in learners if one not in better]


BETTER, WORSE, UNDECIDED = "better", "worse", "no difference shown"


def verdict(change: Estimate, direction: Direction) -> str:
    """What the interval of a difference shows."""
    if not change.has_interval:
        return UNDECIDED
    low, high = sorted(direction.sign * end for end in change.ends)
    return BETTER if high < 0 else WORSE if low > 0 else UNDECIDED


def summary(leaderboard: Leaderboard) -> str:
    """What was compared, and how many learners beat their unadapted selves."""
    users = ", ".join(f"{count:,} in {state}" for state, count in leaderboard.users.items())
    sentences = [f"Users: {users}."] if users else ["The data set has no ratings, so there are lists and no errors."]
    sentences.append(f"Items: {leaderboard.items:,}. Seeds: {leaderboard.seeds}. Reference: `{leaderboard.reference}`.")
    better, others = beaten(leaderboard)
    if better or others:
        count = f"{len(better)} of {len(better) + len(others)} learners beat their unadapted selves for new users"
        names = ", ".join(f"`{contestant.name}`" for contestant in others)
        sentences.append(f"{count}." if not others else f"{count}; not shown: {names}.")
    if minutes := training_minutes(leaderboard):
        sentences.append(f"The trainings took {minutes:,.0f} minutes of processor time.")
    return " ".join(sentences)


def training_minutes(leaderboard: Leaderboard) -> float:
    """The processor time of training all learners with all seeds, in minutes."""
    return sum(one.training_seconds or 0.0 for one in leaderboard.contestants) * leaderboard.seeds / 60


def _main_table(leaderboard: Leaderboard) -> str:
    notes = ["Best first, by the MAE of new users." if leaderboard.users else "Best first, by lists."]
    if leaderboard.users:
        notes += [
            f"{GINI.title} and worst tenth: of the users' MAE in `{_NEW_USERS}`.",
            "Training: mean processor time, in one thread.",
            "Adaptation: to ten ratings of a user, with the scores of all items.",
        ]
    return f"{markdown_table(main_table(leaderboard))}\n\n{' '.join(notes)}"


def _missing(leaderboard: Leaderboard) -> str:
    failed = [f"- {one.reason}" for one in leaderboard.missing if not one.is_left_out]
    left_out = [f"- {one.reason}" for one in leaderboard.missing if one.is_left_out]
    parts = ["## Failed", *failed] if failed else []
    parts += ["## Left out", *left_out] if left_out else []
    return "\n".join(parts)


def _adaptation(leaderboard: Leaderboard) -> str:
    learners = [one for one in leaderboard.contestants if one.kind is Kind.LEARNER]
    header = ["", "state", "adapted", "not adapted", "adapted less not adapted", "adapted is"]
    rows = [
        [
            contestant.name,
            state,
            _value(figures.measures[MAE.name]),
            _value(figures.not_adapted[MAE.name]),
            difference(figures.adaptation[MAE.name]),
            verdict(figures.adaptation[MAE.name], MAE.direction),
        ]
        for contestant in learners
        for state, figures in contestant.states.items()
    ]
    _, others = beaten(leaderboard)
    tried = [
        f"`{one.name}` is not shown to beat its unadapted self for new users; its search tried "
        f"{one.tried_settings} settings (`models/training/presets/searches/{one.name}.json`)."
        if one.tried_settings
        else f"`{one.name}` is not shown to beat its unadapted self for new users; no search of its settings is stored."
        for one in others
    ]
    return "\n\n".join(
        ["## Does each learner beat its unadapted self?", f"{MAE.title}.", markdown_table([header, *rows]), *tried]
    )


def _errors(leaderboard: Leaderboard) -> list[str]:
    parts = []
    for name in _MEASURES:
        table = _state_table(leaderboard, lambda figures: figures.measures, name)
        parts.append(f"## {measure_caption(name)}\n\n{table}")
    for name in _MEASURES:
        table = _state_table(leaderboard, lambda figures: figures.less_reference, name, difference)
        better = "below" if MEASURES[name].direction is Direction.LOWER else "above"
        parts.append(
            f"## Paired differences in {measure_title(name)}\n\nThe row less `{leaderboard.reference}`; {better} 0, "
            f"the row is better.\n\n{table}"
        )
    for measure in _SPREADS:
        table = _state_table(leaderboard, lambda figures: figures.spread, measure.name)
        parts.append(f"## {measure.title}\n\nOf the users' MAE; lower is better.\n\n{table}")
    return parts


def _state_table(
    leaderboard: Leaderboard,
    part: Callable[[StateFigures], Mapping[str, Estimate]],
    name: str,
    shown: Callable[[Estimate], str] = with_interval,
) -> str:
    rows = []
    for contestant in leaderboard.contestants:
        estimates = [part(figures).get(name) for figures in contestant.states.values()]
        if any(estimate is not None for estimate in estimates):
            rows.append([contestant.name, *("" if each is None else shown(each) for each in estimates)])
    return markdown_table([["", *leaderboard.users], *rows])


def _lists(leaderboard: Leaderboard, title: str, of: Callable[[Contestant], Mapping[int, ListFigures]]) -> list[str]:
    contestants = [contestant for contestant in leaderboard.contestants if of(contestant)]
    if not contestants:
        return []
    contestants.sort(key=lambda contestant: -_list_order(of(contestant), leaderboard.main_size))
    sizes = list(of(contestants[0]))
    header = [f"after … {leaderboard.feedback}", *map(str, sizes)]
    parts = [f"## {title}"]
    for name in _LIST_MEASURES:
        rows = [[_label(one), *(with_interval(of(one)[size].measures[name]) for size in sizes)] for one in contestants]
        parts.append(f"### {LIST_MEASURES[name].caption}\n\n{markdown_table([header, *rows])}")
    rows = [
        [_label(one), *(difference(of(one)[size].less_reference[LIST_NDCG.name]) for size in sizes)]
        for one in contestants
        if of(one)[sizes[0]].less_reference
    ]
    if rows:
        parts.append(
            f"### Paired differences in {LIST_NDCG.title}\n\nThe row less `{leaderboard.reference}`; above 0, the row "
            f"is better.\n\n{markdown_table([header, *rows])}"
        )
    return parts


def _label(contestant: Contestant) -> str:
    return f"{contestant.name} (baseline)" if contestant.kind is Kind.LIST_BASELINE else contestant.name


def _list_order(lists: Mapping[int, ListFigures], size: int | None) -> float:
    """What lists are sorted by: their measure at the size of the main table, 0 if they have none there."""
    estimate = _list_ndcg(lists, size)
    return 0.0 if estimate is None else estimate.value


def _list_ndcg(lists: Mapping[int, ListFigures], size: int | None) -> Estimate | None:
    figures = None if size is None else lists.get(size)
    return None if figures is None else figures.measures[LIST_NDCG.name]


def _measures(contestant: Contestant, state: str) -> Mapping[str, Estimate]:
    return contestant.states[state].measures if state in contestant.states else {}


def _spread(contestant: Contestant) -> Mapping[str, Estimate]:
    return contestant.states[_NEW_USERS].spread if _NEW_USERS in contestant.states else {}


def _value(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.3f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
