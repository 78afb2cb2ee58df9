"""The figures of the week, and how they are computed from what happened."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from coldstart_client.models import ClickRate

from benchmarks.shop_week.shop import BASKET, HOME, Showing
from benchmarks.shop_week.verdicts import Difference, Rate, Repeated, repeated, sums_by_visitor
from benchmarks.shop_week.week import Week, World


@dataclass(frozen=True)
class ReportedRate(Rate):
    """A click rate of the service's report, and of what it is.

    Attributes:
        scenario: The scenario.
        variant: `scenario` or `control`.
        shown: Items that were shown.
        clicked: Items that were clicked.
    """

    scenario: str
    variant: str
    shown: int
    clicked: int

    @classmethod
    def of(cls, rate: ClickRate) -> "ReportedRate":
        """From an answer of the service."""
        estimate = rate.click_rate
        return cls(estimate.value, estimate.low, estimate.high, rate.group, rate.variant, rate.shown, rate.clicked)

    def is_of(self, scenario: str, variant: str) -> bool:
        """Whether it is the rate of this side of the scenario."""
        return (self.scenario, self.variant) == (scenario, variant)


@dataclass(frozen=True)
class Day:
    """One day.

    Attributes:
        day: The day, from 0.
        arrived: Items that were new.
        visitors: Visitors who were shown a list.
        lists: Lists that they were shown.
        shown: Items of these lists.
        clicked: How many of them were chosen.
        liked: How many of those the visitors like.
        new_shown: Items of the lists that arrived in this week.
        new_clicked: How many of them were chosen.
        rates: What the service reports of the day.
    """

    day: int
    arrived: int
    visitors: int
    lists: int
    shown: int
    clicked: int
    liked: int
    new_shown: int
    new_clicked: int
    rates: Sequence[ReportedRate]


@dataclass(frozen=True)
class Figures:
    """All figures.

    Attributes:
        seed: The seed of the week.
        model: The model version.
        visitors: How many visitors there are.
        items: How many items there are in the end.
        ratings: How many ratings the visitors gave.
        days: The days of the week with the A/B test.
        report: What the service reports of that week.
        counts_agree: Whether its counts are those of the simulator.
        difference: Of the A/B test of the home page, by the report.
        same_difference: Of the A/A test of the list beside the basket.
        if_all: The click rate of the home page if it is more diverse for all visitors.
        if_none: The click rate if it is so for none.
        alike: The share of the visitors whose lists of the home page have as many items and clicks in the week with
            the test as in the week in which all are on the visitor's side.
        test: The A/B test with other assignments.
        same: An A/A test of the home page with other assignments.
    """

    seed: int
    model: str
    visitors: int
    items: int
    ratings: int
    days: Sequence[Day]
    report: Sequence[ReportedRate]
    counts_agree: bool
    difference: Difference
    same_difference: Difference
    if_all: float
    if_none: float
    alike: float
    test: Repeated
    same: Repeated


def figures_of(
    world: World, week: Week, everybody: Week, nobody: Week, *, seed: int, model: str, items: int
) -> Figures:
    """The figures.

    Args:
        world: What the weeks have in common.
        week: The week with the A/B test.
        everybody: The week in which all visitors are on the scenario's side.
        nobody: The week in which all are in the control group.
        seed: The seed of the week.
        model: The model version.
        items: How many items there are in the end.
    """
    report = [ReportedRate.of(rate) for rate in week.rates]
    ids = [visitor.id for visitor in world.visitors]
    mixed, diverse, control = (sums_by_visitor(each.showings, ids, HOME) for each in (week, everybody, nobody))
    side = {showing.visitor: showing.variant for showing in week.showings if showing.scenario == HOME}
    alone = np.where(np.array([side[visitor] == "scenario" for visitor in ids])[:, None], diverse, control)
    return Figures(
        seed=seed,
        model=model,
        visitors=len(ids),
        items=items,
        ratings=week.ratings,
        days=[
            _day(week.showings, day, len(arrived), [ReportedRate.of(rate) for rate in rates])
            for day, (arrived, rates) in enumerate(zip(world.arriving, week.rates_by_day, strict=True))
        ],
        report=report,
        counts_agree=_counts_agree(report, week.showings),
        difference=_difference(report, HOME),
        same_difference=_difference(report, BASKET),
        if_all=_rate(everybody.showings),
        if_none=_rate(nobody.showings),
        alike=float((mixed == alone).all(axis=1).mean()),
        test=repeated(diverse, control, seed=seed),
        same=repeated(control, control, seed=seed),
    )


def _day(showings: Sequence[Showing], day: int, arrived: int, rates: Sequence[ReportedRate]) -> Day:
    own = [showing for showing in showings if showing.day == day]
    return Day(
        day=day,
        arrived=arrived,
        visitors=len({showing.visitor for showing in own}),
        lists=len(own),
        shown=sum(showing.items for showing in own),
        clicked=sum(showing.clicked for showing in own),
        liked=sum(showing.liked for showing in own),
        new_shown=sum(showing.new_items for showing in own),
        new_clicked=sum(showing.new_clicked for showing in own),
        rates=rates,
    )


def _counts_agree(report: Sequence[ReportedRate], showings: Sequence[Showing]) -> bool:
    for rate in report:
        own = [showing for showing in showings if rate.is_of(showing.scenario, showing.variant)]
        if (sum(each.items for each in own), sum(each.clicked for each in own)) != (rate.shown, rate.clicked):
            return False
    return sum(rate.shown for rate in report) == sum(showing.items for showing in showings)


def _difference(report: Sequence[ReportedRate], scenario: str) -> Difference:
    settings, control = (
        next(rate for rate in report if rate.is_of(scenario, variant)) for variant in ("scenario", "control")
    )
    return Difference.of(settings, control)


def _rate(showings: Sequence[Showing]) -> float:
    """The click rate of the home page."""
    own = [showing for showing in showings if showing.scenario == HOME]
    return sum(showing.clicked for showing in own) / sum(showing.items for showing in own)
