"""The plots of a leaderboard, each as one SVG file that needs no style sheet beside it."""

from collections.abc import Iterator

from markupsafe import Markup

from app.reports.charts import Series, interval_chart, linear_axis
from app.reports.page import STATE_NAMES, stylesheet
from models.data.dataset import State
from models.evaluation import Estimate
from models.leaderboard.figures import Contestant, Kind, Leaderboard
from models.metrics import MAE
from models.metrics.inequality import WORST_TENTH
from models.metrics.lists import LIST_NDCG

_STYLES = {Kind.LEARNER: 0, Kind.CHOOSER: 0, Kind.BASELINE: 5, Kind.LIST_BASELINE: 5}
"""The numbers of the styles in the style sheet: learners and baselines have different colours."""

_WIDTH, _LETTER_WIDTH, _SCALE = 560.0, 6.6, 1.5
"""Width of a drawing and of a letter in it, for the widest of the fonts, and pixels of a unit."""


def leaderboard_plots(leaderboard: Leaderboard) -> dict[str, tuple[str, str]]:
    """By the end of the file's name, the title of a plot and its SVG."""
    return {name: (title, _standalone(chart)) for name, title, chart in _charts(leaderboard)}


def _charts(leaderboard: Leaderboard) -> Iterator[tuple[str, str, Markup]]:
    new_users, size = State.USER_COLD.label, leaderboard.main_size
    for state in leaderboard.users:
        rated = [one for one in leaderboard.contestants if state in one.states]
        yield (
            f"mae-{state}",
            *_intervals(
                f"{MAE.title}, {STATE_NAMES[state].lower()} (lower is better)",
                [(one, one.states[state].measures[MAE.name]) for one in rated],
            ),
        )
    rated = [one for one in leaderboard.contestants if new_users in one.states]
    adapting = [(one, one.states[new_users].adaptation[MAE.name]) for one in rated if one.kind is Kind.LEARNER]
    if adapting:
        yield "adaptation", *_intervals(f"{MAE.title} of new users: adapted less not adapted", adapting)
    if rated:
        spread = [(one, one.states[new_users].spread[WORST_TENTH.name]) for one in rated]
        yield "worst-tenth", *_intervals(f"{WORST_TENTH.title} of new users (lower is better)", spread)
    for name, what in (("catalogue", "lists"), ("new_items", "lists of new items")):
        lists = [
            (one, figures[size].measures[LIST_NDCG.name])
            for one in leaderboard.contestants
            if size in (figures := one.catalogue if name == "catalogue" else one.new_items)
        ]
        if lists:
            lists.sort(key=lambda each: -each[1].value)
            title = f"{LIST_NDCG.title} of {what} after {size} {leaderboard.feedback} (higher is better)"
            yield f"lists-{name.replace('_', '-')}", *_intervals(title, lists)


def _intervals(title: str, estimates: list[tuple[Contestant, Estimate]]) -> tuple[str, Markup]:
    rows = [
        (Series(contestant.name, _STYLES[contestant.kind], [(estimate.value, 0.0)]), estimate.ends)
        for contestant, estimate in estimates
    ]
    axis = linear_axis([end for _, estimate in estimates for end in estimate.ends], title)
    return title, interval_chart(title, rows, axis, width=_WIDTH, letter_width=_LETTER_WIDTH)


def _standalone(chart: Markup) -> str:
    """A chart as a file: with its size, a background and the styles of reports, in a light and a dark theme."""
    opening, rest = str(chart).split(">", 1)
    _, _, width, height = map(float, opening.split('viewBox="')[1].split('"')[0].split())
    style = f"{stylesheet()}\n.report {{ color-scheme: light dark; background: var(--panel); }}"
    attributes = f'xmlns="http://www.w3.org/2000/svg" width="{width * _SCALE:.0f}" height="{height * _SCALE:.0f}"'
    opening = opening.replace('<svg class="chart"', f'<svg class="chart report" {attributes}')
    return f"{opening}><style>{style}</style>{rest}\n"
