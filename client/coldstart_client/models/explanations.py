"""Why a user's list is what it is."""

from coldstart_client.given import AttributeValue
from coldstart_client.models.answer import Answer, Page
from coldstart_client.models.items import NamedItem
from coldstart_client.models.recommendations import Recommendation


class GivenItem(Answer):
    """An item that a user rated, interacted with or skipped. What does not apply is None."""

    item_id: str
    title: str | None
    rating: float | None = None
    kind: str | None = None


class AnsweredQuestion(Answer):
    """What a user answered to a question. What does not apply is None."""

    kind: str
    field: str | None
    value: str | None
    items: list[NamedItem]
    rating: float | None
    preferred: str | None


class Given(Answer):
    """What a user gave, as the model takes it: the latest 100 of each, and how many there are."""

    attributes: dict[str, AttributeValue]
    rating_count: int
    interaction_count: int
    skip_count: int
    answer_count: int
    ratings: list[GivenItem]
    interactions: list[GivenItem]
    skips: list[GivenItem]
    answers: list[AnsweredQuestion]
    shown_count: int
    clicked_count: int
    dismissed_count: int


class Taste(Answer):
    """An attribute value, and its share of what the user, or a stranger, is expected to choose and like next."""

    field: str
    value: str
    share: float
    share_of_strangers: float
    items: int


class Tastes(Answer):
    """What the model concluded of a user, compared with a stranger, the strongest first."""

    likes: list[Taste]
    dislikes: list[Taste]


class Change(Answer):
    """What a rule did to an item: `dismissed`, `shown`, `boost`, `diversity` or `pinned`.

    `factor` is None if the rule did not change the item's score. `places` are up; None if the item was not in the list
    before or after.
    """

    rule: str
    factor: float | None
    places: int | None


class Position(Answer):
    """Why an item has its position, or is not in the list."""

    rank_without_rules: int | None
    score: float
    score_with_rules: float
    times_seen: int
    changes: list[Change]


class ExplainedItem(Position, Recommendation):
    """A recommendation, and why it has its position."""


class LeftOutItem(Position):
    """An item that would be in the list without rules."""

    item_id: str
    title: str | None


class ListExplanation(Page[ExplainedItem]):
    """A user's list, and what it comes from."""

    user_id: str
    given: Given
    tastes: Tastes
    left_out: list[LeftOutItem]
    model_version: str
    ranked_by: str
