"""The plots of a leaderboard, each as one SVG file that needs no style sheet beside it."""

from collections.abc import Iterator

from markupsafe import Markup

from app.reports.charts import WIDTH, Series, interval_chart, linear_axis
from app.reports.page import STATE_NAMES, stylesheet
from models.evaluation import Estimate
from models.leaderboard.figures import MAIN_SIZE, Contestant, Kind, Leaderboard
from models.metrics import MAE
from models.metrics.inequality import WORST_TENTH
from models.metrics.lists import LIST_NDCG

_STYLES = {Kind.LEARNER: 0, Kind.CHOOSER: 0, Kind.BASELINE: 5, Kind.LIST_BASELINE: 5}
"""The numbers of the styles in the style sheet: learners and baselines have different colours."""

_SCALE = 2.5
"""Pixels of a unit of the drawing."""


def leaderboard_plots(leaderboard: Leaderboard) -> dict[str, tuple[str, str]]:
    """By the end of the file's name, the title of a plot and its SVG."""
    return {name: (title, _standalone(chart)) for name, title, chart in _charts(leaderboard)}


def _charts(leaderboard: Leaderboard) -> Iterator[tuple[str, str, Markup]]:
    for state in leaderboard.users:
        title = f"{MAE.title}: {STATE_NAMES[state].lower()}"
        yield (
            f"mae-{state}",
            title,
            _intervals(
                title,
                [(one, one.states[state].measures[MAE.name]) for one in leaderboard.contestants if state in one.states],
                f"{MAE.title} (lower is better)",
            ),
        )
    new_users = [one for one in leaderboard.contestants if "user_cold" in one.states]
    adapting = [(one, one.states["user_cold"].adaptation[MAE.name]) for one in new_users if one.kind is Kind.LEARNER]
    if adapting:
        title = f"What adaptation changes in the {MAE.title} of new users"
        yield "adaptation", title, _intervals(title, adapting, "adapted less not adapted (below 0, it helps)")
    if new_users:
        title = f"{WORST_TENTH.title}, new users"
        spread = [(one, one.states["user_cold"].spread[WORST_TENTH.name]) for one in new_users]
        yield "worst-tenth", title, _intervals(title, spread, f"{WORST_TENTH.title} (lower is better)")
    for name, what in (("catalogue", "the whole catalogue"), ("new_items", "new items")):
        lists = [
            (one, figures[MAIN_SIZE].measures[LIST_NDCG.name])
            for one in leaderboard.contestants
            if MAIN_SIZE in (figures := one.catalogue if name == "catalogue" else one.new_items)
        ]
        if lists:
            title = f"{LIST_NDCG.title} of lists of {what} after {MAIN_SIZE} ratings"
            lists.sort(key=lambda each: -each[1].value)
            yield f"lists-{name}", title, _intervals(title, lists, f"{LIST_NDCG.title} (higher is better)")


def _intervals(title: str, estimates: list[tuple[Contestant, Estimate]], axis: str) -> Markup:
    rows = [
        (Series(contestant.name, _STYLES[contestant.kind], [(estimate.value, 0.0)]), estimate.ends)
        for contestant, estimate in estimates
    ]
    ends = [end for _, estimate in estimates for end in estimate.ends]
    return interval_chart(title, rows, linear_axis(ends, axis))


def _standalone(chart: Markup) -> str:
    """A chart as a file: with its size, a background and the styles of reports, in a light and a dark theme."""
    opening, rest = str(chart).split(">", 1)
    height = float(opening.split('viewBox="')[1].split('"')[0].split()[3])
    style = f"{stylesheet()}\n.report {{ color-scheme: light dark; background: var(--panel); }}"
    attributes = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH * _SCALE:.0f}" height="{height * _SCALE:.0f}"'
    opening = opening.replace('<svg class="chart"', f'<svg class="chart report" {attributes}')
    return f"{opening}><style>{style}</style>{rest}\n"
