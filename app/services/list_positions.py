"""Why each item of a list has its position: the model's score, and what each rule changed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.lists.feedback import Feedback, ListOptions, lowered_by_seeing
from app.services.recommendations import RecommendationList
from models.data.rating_scale import RatingScale
from models.ranking import RankedItem
from models.ranking.catalogue import Catalogue
from models.ranking.liking import chosen_and_liked
from models.ranking.query import RankedBy
from models.ranking.rules import log_factors

_LARGEST_LOG_FACTOR = 700.0
"""Numerical tolerance: it keeps the product of many boosts finite."""


class Rule(StrEnum):
    """What changes a list beside the model, in the order in which it counts."""

    DISMISSED = "dismissed"
    """Items in which the user is not interested are left out."""

    SHOWN = "shown"
    """Items that the user was shown or opened fall."""

    BOOST = "boost"
    """Items that the request names, or that have given attribute values, rise or fall."""

    DIVERSITY = "diversity"
    """Items that are like those above them fall."""

    PINNED = "pinned"
    """Items that the request names come first."""


@dataclass(frozen=True)
class Change:
    """What a rule did to an item.

    Attributes:
        rule: The rule.
        factor: What the item's score was multiplied by; None if the rule changed other scores only, or none.
        places: By how many places the item moved up; negative if it moved down. None if it was not in the list, which
            has a given length, before or after.
    """

    rule: Rule
    factor: float | None
    places: int | None


@dataclass(frozen=True)
class Position:
    """Why an item has its position.

    Attributes:
        rank_without_rules: Its place in the list without rules, of the same length; None if it is not in that.
        score: What orders the list without rules: P(choose) · P(like), or the predicted rating in a list by ratings.
        score_with_rules: The score times the factors; in a list by ratings, plus their logarithms.
        changes: Of the rules that changed the score or the place of the item, in the order of `Rule`.
    """

    rank_without_rules: int | None
    score: float
    score_with_rules: float
    changes: Sequence[Change]


@dataclass(frozen=True)
class Step:
    """A list with some of the rules: those of the steps before it, and one more.

    Attributes:
        rule: The rule that is added; None for the first step, which has no rules.
        feedback: What the user did, as far as the rules of the step count it.
        options: The options of the list.
    """

    rule: Rule | None
    feedback: Feedback
    options: ListOptions


def steps(feedback: Feedback, options: ListOptions, ranked_by: RankedBy) -> Iterator[Step]:
    """The list of a user with more and more of its rules, until it is the list itself.

    A rule that has nothing to do is left out.
    """
    with_rules = replace(options, shown=(), boosts=(), diversity=0.0, pinned=())
    yield Step(None, replace(feedback, seen={}, dismissed=()), with_rules)
    if feedback.dismissed:
        yield Step(Rule.DISMISSED, replace(feedback, seen={}), with_rules)
    if feedback.seen or options.shown:
        with_rules = replace(with_rules, shown=options.shown)
        yield Step(Rule.SHOWN, feedback, with_rules)
    if options.boosts:
        with_rules = replace(with_rules, boosts=options.boosts)
        yield Step(Rule.BOOST, feedback, with_rules)
    # The list for strangers is diverse unless the request says otherwise.
    if options.diversity or (options.diversity is None and ranked_by is RankedBy.POPULARITY):
        with_rules = replace(with_rules, diversity=options.diversity)
        yield Step(Rule.DIVERSITY, feedback, with_rules)
    if options.pinned:
        yield Step(Rule.PINNED, feedback, replace(with_rules, pinned=options.pinned))


def factors(
    catalogue: Catalogue, item_ids: Sequence[str], feedback: Feedback, options: ListOptions
) -> dict[Rule, dict[str, float]]:
    """What the rules multiply the scores of some items of the catalogue by; items that a rule leaves are left out.

    Raises:
        ValueError: As in `log_factors`.
    """
    rows = {item_id: row for item_id in item_ids if (row := catalogue.row_of(item_id)) is not None}
    rules = {Rule.SHOWN: lowered_by_seeing(feedback.seen, options.shown), Rule.BOOST: options.boosts}
    return {
        rule: {item_id: math.exp(min(added[row], _LARGEST_LOG_FACTOR)) for item_id, row in rows.items() if added[row]}
        for rule, boosts in rules.items()
        if (added := log_factors(catalogue, boosts)) is not None
    }


def positions(
    lists: Sequence[tuple[Rule | None, RecommendationList]],
    factors_of: Mapping[Rule, Mapping[str, float]],
    scale: RatingScale | None,
) -> dict[str, Position]:
    """By item of the last list, why it is where it is; and by item of the first list, why it is not in the last.

    Args:
        lists: The lists of `steps`, each with its rule.
        factors_of: By rule and item, what the item's score was multiplied by (`factors`).
        scale: The model's rating scale.
    """
    (_, first), (_, last) = lists[0], lists[-1]
    by_rating = last.ranked_by is RankedBy.RATING
    ranks = [{item.item_id: item.rank for item in of_step.items} for _, of_step in lists]
    found = {}
    for item_id, item in {item.item_id: item for item in (*first.items, *last.items)}.items():
        changes = []
        for (rule, _), before, after in zip(lists[1:], ranks[:-1], ranks[1:], strict=True):
            assert rule is not None  # noqa: S101 - only the first step has none
            factor = factors_of.get(rule, {}).get(item_id)
            former, later = before.get(item_id), after.get(item_id)
            if factor is not None or former != later:
                changes.append(Change(rule, factor, None if former is None or later is None else former - later))
        score = _score(item, last.ranked_by, scale)
        factor = math.prod(change.factor for change in changes if change.factor is not None)
        found[item_id] = Position(
            ranks[0].get(item_id), score, score + math.log(factor) if by_rating else score * factor, changes
        )
    return found


def _score(item: RankedItem, ranked_by: RankedBy, scale: RatingScale | None) -> float:
    """What orders a list without rules."""
    if ranked_by is RankedBy.RATING and item.predicted_rating is not None:
        return item.predicted_rating
    return chosen_and_liked(item, scale)
